//! What the law has the mail say about one line: what she may do, and what her silence means.
//!
//! In: the line's terms, and nothing else of it. Out: a [`Notice`]. Only `us-ftc` gives silence a meaning (US-7, US-8,
//! US-12); under `uk`, `eu` and `none` it changes nothing, whatever else the terms say (EU-5). Nothing can go wrong but
//! words that cannot be said.

use jiff::civil::Date;

use super::news::still_to_come;
use super::voice::{Value, Voice};
use crate::promise::terms::{Silence, Terms};
use crate::render::draft::DraftLine;
use crate::render::words::Unsayable;
use crate::shop::line::RuleSet;

/// What the law has the mail say about one line. Empty where it asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// What she may do, or what is owed to her.
    pub first: Option<String>,
    /// What it means if she does not answer.
    pub silence: Option<String>,
    /// Whether it means that her order ends, so that nobody may overlook it.
    pub silence_cancels: bool,
    /// What else she has to know.
    pub more: Option<String>,
}

impl Notice {
    pub fn of(voice: &Voice, line: &DraftLine, today: Date) -> Result<Notice, Unsayable> {
        let expected_by = still_to_come(line, today);
        match line.terms.rules {
            RuleSet::UsFtc if line.terms.refund_owed => refund_owed(voice),
            RuleSet::UsFtc => united_states(voice, &line.terms, expected_by),
            RuleSet::Uk | RuleSet::Eu | RuleSet::None => elsewhere(voice, &line.terms, expected_by),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Notice::default()
    }
}

/// No option was offered in time: the facts and the refund, no wait, nothing about silence (US-15).
fn refund_owed(voice: &Voice) -> Result<Notice, Unsayable> {
    let more = voice.paragraph(&[voice.say("refund-because", &[])?, voice.say("nothing-to-do", &[])?]);
    Ok(Notice { first: Some(voice.say("refund-owed", &[])?), more: Some(more), ..Notice::default() })
}

fn united_states(voice: &Voice, terms: &Terms, expected_by: Option<Date>) -> Result<Notice, Unsayable> {
    let mut notice = Notice { silence_cancels: terms.silence == Silence::Cancels, ..Notice::default() };
    let is_choice = terms.stage.is_option() || terms.silence != Silence::NoEffect;
    if terms.asks {
        // The right to cancel, the refund, and the new day or that none can be given (US-5).
        notice.first = Some(match (is_choice, expected_by) {
            (true, Some(day)) => dated(voice, "offer-dated", day)?,
            (true, None) => voice.say("offer-undated", &[])?,
            (false, _) => voice.say("offer-still", &[])?,
        });
        let mut more = Vec::new();
        if is_choice && expected_by.is_none() {
            more.push(voice.say("wait-undated", &[])?);
        }
        more.push(voice.say("costs-nothing", &[])?);
        notice.more = Some(voice.paragraph(&more));
    }
    notice.silence = match (terms.silence, terms.expected_by, terms.cancels_after) {
        (Silence::Consent, Some(day), _) => Some(dated(voice, "silence-consent", day)?),
        (Silence::Cancels, _, Some(last_day)) => Some(dated(voice, "silence-cancels", last_day)?),
        _ if terms.asks => Some(voice.say("silence-as-told", &[])?),
        _ => None,
    };
    Ok(notice)
}

fn elsewhere(voice: &Voice, terms: &Terms, expected_by: Option<Date>) -> Result<Notice, Unsayable> {
    if !terms.asks {
        return Ok(Notice::default());
    }
    // What was agreed stays agreed (EU-5).
    let agreed = terms.promised_by.filter(|agreed| expected_by.is_none_or(|day| day > *agreed));
    let silence = match agreed {
        Some(agreed) => dated(voice, "silence-nothing-agreed", agreed)?,
        None => voice.say("silence-nothing", &[])?,
    };
    Ok(Notice { first: Some(voice.say("ask", &[])?), silence: Some(silence), ..Notice::default() })
}

fn dated(voice: &Voice, id: &'static str, day: Date) -> Result<String, Unsayable> {
    voice.say(id, &[("date", Value::Text(&voice.day(day)))])
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::outbox::notification::Kind;
    use crate::promise::terms::Stage;
    use crate::render::samples::{Sample, shop_face};
    use crate::render::words::Words;

    const TODAY: Date = date(2026, 11, 23);
    /// T, E and the last day: each has its own month.
    const PROMISED: Date = date(2026, 12, 2);
    const EXPECTED: Date = date(2027, 1, 20);
    const LAST_DAY: Date = date(2027, 2, 5);
    /// What is only said where silence means something, in both languages.
    const US_ONLY: [&str; 6] =
        ["agree", "cancelled automatically", "prompt", "einverstanden", "automatisch", "umgehend"];

    fn notice(terms: Terms, locale: &str) -> Notice {
        let now = "2026-11-23T14:30:00Z".parse().unwrap();
        let mut draft = Sample::of(Kind::Backordered).draft(locale, shop_face(), TimeZone::UTC, now);
        draft.lines[0].terms = terms;
        let (words, locale) = (Words::load(None).unwrap(), locale.parse().unwrap());
        Notice::of(&Voice::new(words.of(&locale), &locale), &draft.lines[0], TODAY).unwrap()
    }

    fn sentences(terms: Terms, locale: &str) -> String {
        let notice = notice(terms, locale);
        notice.first.into_iter().chain(notice.silence).chain(notice.more).collect::<Vec<_>>().join(" ")
    }

    fn us(stage: Stage, silence: Silence, expected_by: Option<Date>) -> Terms {
        let cancels_after = (silence == Silence::Cancels).then_some(LAST_DAY);
        let promised_by = Some(PROMISED);
        let reason = expected_by.is_none().then(|| "The maker is late.".to_owned());
        let terms = Terms { rules: RuleSet::UsFtc, stage, silence, promised_by, expected_by, ..Terms::default() };
        Terms { cancels_after, reason, asks: true, ..terms }
    }

    #[test]
    fn each_case_under_us_ftc_says_what_the_rule_demands() {
        use Silence::{Cancels, Consent, NoEffect};
        const DATED: &str = "You can wait for it until January 20, 2027, or cancel it now and get a prompt refund.";
        const UNDATED: &str = "We cannot say how long it will take. You can wait for it all the same, or cancel it \
            now and get a prompt refund.";
        const CONSENT: &str = "If you do not answer, you agree that we ship it on or before January 20, 2027.";
        const CANCELS: &str = "If you do not answer by February 5, 2027 and it has not shipped by then, your order for \
            it is cancelled automatically and you get a prompt refund.";
        const OPEN: &str = "If you choose to wait, you can still cancel at any time before it ships.";
        const FREE: &str = "Answering costs you nothing.";
        const STILL: &str = "You can still cancel it at any time before it ships, and get a prompt refund.";
        const AS_TOLD: &str = "You do not have to answer: if you do not, what we told you before still holds.";
        let cases: [(Terms, &[&str]); 8] = [
            (us(Stage::FirstShort, Consent, Some(EXPECTED)), &[DATED, CONSENT, FREE]),
            (us(Stage::FirstLong, Cancels, Some(EXPECTED)), &[DATED, CANCELS, FREE]),
            (us(Stage::FirstIndefinite, Cancels, None), &[UNDATED, CANCELS, OPEN, FREE]),
            (us(Stage::Renewed, Cancels, Some(EXPECTED)), &[DATED, CANCELS, FREE]),
            (us(Stage::Renewed, Cancels, None), &[UNDATED, CANCELS, OPEN, FREE]),
            (us(Stage::Information, Cancels, Some(EXPECTED)), &[DATED, CANCELS, FREE]),
            (us(Stage::Information, NoEffect, None), &[STILL, AS_TOLD, FREE]),
            (Terms { asks: false, ..us(Stage::Information, NoEffect, Some(EXPECTED)) }, &[]),
        ];
        for (terms, expected) in cases {
            assert_eq!(sentences(terms.clone(), "en-US"), expected.join(" "), "{terms:?}");
        }
        let owed = Terms { refund_owed: true, asks: false, ..us(Stage::Information, NoEffect, Some(EXPECTED)) };
        let said = sentences(owed, "en-US");
        assert!(said.starts_with("We owe you a prompt refund") && !said.contains("If you do not answer"), "{said}");
    }

    #[test]
    fn elsewhere_the_mail_asks_and_what_was_agreed_stays_agreed() {
        let asks = |rules, expected_by| {
            sentences(Terms { rules, expected_by, ..us(Stage::Information, Silence::NoEffect, None) }, "en-US")
        };
        let kept = "your rights from the delivery date of December 2, 2026 stay as they are";
        for rules in [RuleSet::Eu, RuleSet::Uk] {
            assert!(asks(rules, Some(EXPECTED)).contains(kept) && asks(rules, None).contains(kept));
            assert!(!asks(rules, Some(PROMISED)).contains("delivery date"), "it comes in time");
        }
        let plain = Terms { asks: true, expected_by: Some(EXPECTED), ..Terms::default() };
        assert_eq!(
            sentences(plain, "en-US"),
            "Would you rather wait for it, or cancel it? \
             If you do not answer, nothing changes: your order stands, and nothing is cancelled."
        );
    }

    fn any_terms() -> impl Strategy<Value = Terms> {
        let stages = [
            Stage::None,
            Stage::Information,
            Stage::FirstShort,
            Stage::FirstLong,
            Stage::FirstIndefinite,
            Stage::Renewed,
        ];
        let silences = [Silence::Consent, Silence::Cancels, Silence::NoEffect];
        let rules = [RuleSet::UsFtc, RuleSet::Uk, RuleSet::Eu, RuleSet::None];
        let select = prop::sample::select::<RuleSet>;
        (
            (select(rules.to_vec()), prop::sample::select(stages.to_vec()), prop::sample::select(silences.to_vec())),
            (any::<bool>(), any::<bool>(), any::<bool>()),
        )
            .prop_map(|((rules, stage, silence), (known, refund_owed, asks))| {
                // Consent is always to a day.
                let expected_by = (known || silence == Silence::Consent).then_some(EXPECTED);
                Terms { rules, refund_owed, asks, ..us(stage, silence, expected_by) }
            })
    }

    proptest! {
        #[test]
        fn silence_has_a_meaning_under_us_ftc_only(terms in any_terms()) {
            prop_assume!(terms.rules != RuleSet::UsFtc);
            for locale in ["en-US", "de-DE"] {
                let said = sentences(terms.clone(), locale);
                prop_assert!(US_ONLY.iter().all(|words| !said.contains(words)), "{}", said);
            }
        }

        #[test]
        fn a_notice_names_the_days_of_its_terms_that_matter_and_no_others(terms in any_terms()) {
            let (us, owed) = (terms.rules == RuleSet::UsFtc, terms.rules == RuleSet::UsFtc && terms.refund_owed);
            let means = us && !owed && terms.silence != Silence::NoEffect;
            let offers = us && !owed && terms.asks && (means || terms.stage.is_option());
            let expected = (offers || means && terms.silence == Silence::Consent) && terms.expected_by.is_some();
            let named = [
                (PROMISED, !us && terms.asks),
                (EXPECTED, expected),
                (LAST_DAY, means && terms.silence == Silence::Cancels),
            ];
            let words = Words::load(None).unwrap();
            for locale in ["en-US", "de-DE"] {
                let said = sentences(terms.clone(), locale);
                let locale = locale.parse().unwrap();
                let voice = Voice::new(words.of(&locale), &locale);
                for (day, is_named) in named {
                    prop_assert_eq!(said.contains(&voice.day(day)), is_named, "{} {}", day, said);
                }
                let years = said.matches("202").count();
                prop_assert_eq!(years, named.iter().filter(|(_, is_named)| *is_named).count()
                    + usize::from(offers && expected && terms.silence == Silence::Consent), "{}", said);
            }
        }
    }
}

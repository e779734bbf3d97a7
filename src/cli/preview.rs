//! `backorderd preview --out DIR`: what the mails look like, without sending any.
//!
//! In: the shop's settings and words; with `--line`, that line's order as it is recorded. Out: for each kind, each case
//! of the delay rules, and each locale an `.html`, a `.txt` and an `.eml`. No link in them is live.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use jiff::{Timestamp, civil::Date};

use super::General;
use super::draft::draft;
use super::output::{count, say};
use crate::app;
use crate::clock::Clock;
use crate::deliver::compose;
use crate::outbox::channels;
use crate::outbox::notification::Kind;
use crate::outbox::plan::{Content, ContentLine, LineView};
use crate::outbox::schedule::{Schedule, Schedules};
use crate::promise::case::Case;
use crate::promise::terms::Terms;
use crate::render::Renderer;
use crate::render::draft::Draft;
use crate::render::samples::Sample;
use crate::settings::Settings;
use crate::shell::quoted;
use crate::shop::line::{Line, Status};
use crate::store::views::Order;
use crate::watch::standing::Standing;

#[derive(Debug, Args)]
pub struct PreviewArguments {
    /// The folder for the files; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Show this line's order as it stands now, instead of a sample.
    #[arg(long, value_name = "LINE_ID")]
    line: Option<String>,
    /// In the look and words of this shop, where several are in one database.
    #[arg(long, value_name = "SHOP_ID")]
    shop: Option<String>,
}

impl PreviewArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let drafts = match &self.line {
            Some(line_id) => self.of_line(general, line_id).await?,
            None => self.samples(&general.settings()?)?,
        };
        std::fs::create_dir_all(&self.out)
            .with_context(|| format!("the folder {} cannot be made", self.out.display()))?;
        for (name, draft) in &drafts.drafts {
            write(&self.out, &format!("{name}.{}", draft.locale), draft, &drafts.renderer)?;
        }
        say!("{} written to {}", count(drafts.drafts.len() * 3, "file", "files"), self.out.display());
        Ok(ExitCode::SUCCESS)
    }

    /// Every kind and every case of the law, in every locale that has words.
    fn samples(&self, settings: &Settings) -> anyhow::Result<Drafts> {
        let shop_id = self.shop.as_deref().unwrap_or_default();
        if !shop_id.is_empty() && !settings.shops.contains_key(shop_id) {
            bail!("there is no [shops.{shop_id}] in the settings");
        }
        let renderer = renderer(settings, shop_id)?;
        let now = Clock::System.now();
        let zone = &settings.shop(shop_id).shop.time_zone;
        let mut drafts = Vec::new();
        for locale in renderer.locales() {
            for sample in Sample::all() {
                let face = compose::face(settings, shop_id);
                drafts.push((sample.name(), sample.draft(locale, face, zone.clone(), now)));
            }
        }
        Ok(Drafts { renderer, drafts })
    }

    /// Each kind that makes sense for a recorded line, in its customer's locale.
    async fn of_line(&self, general: &General, line_id: &str) -> anyhow::Result<Drafts> {
        let app = general.recorded_app().await?;
        let (shop_id, order_row) = super::explain::place(&app, self.shop.as_deref(), line_id).await?;
        let now = app.clock.now();
        let orders = app.store.orders(&[order_row], channels::telling(app.settings.delivery.channel), now).await?;
        let order = orders.first().context("its order is not recorded any more")?;
        let schedules = Schedules::new(&app.settings);
        let contents = contents(order, line_id, schedules.of(&shop_id), now);
        if contents.is_empty() {
            bail!(
                "no mail makes sense about line {line_id} as it stands: see `backorderd explain {}`",
                quoted(line_id)
            );
        }
        let mut drafts = Vec::new();
        for content in contents {
            let draft = Draft {
                // An order without an address has previews all the same.
                recipient_email: order.view.recipient.clone().unwrap_or_else(|| "nobody@example.com".into()),
                ..draft(&app, order, app.clock.new_id(), &content).await?
            };
            drafts.push((content.kind.word().to_owned(), draft));
        }
        Ok(Drafts { renderer: renderer(&app.settings, &shop_id)?, drafts })
    }
}

struct Drafts {
    renderer: Renderer,
    /// Each with the name of its files, to which the locale comes.
    drafts: Vec<(String, Draft)>,
}

fn renderer(settings: &Settings, shop_id: &str) -> anyhow::Result<Renderer> {
    let mut renderers = app::renderers(settings)?;
    Ok(renderers.by_shop.remove(shop_id).unwrap_or(renderers.default))
}

/// What the mails of each kind would say of this line, with the other waiting lines unchanged below it.
fn contents(order: &Order, line_id: &str, schedule: &Schedule, now: Timestamp) -> Vec<Content> {
    let Some(view) = order.view.lines.iter().find(|view| view.line.line_id == line_id) else { return Vec::new() };
    let today = schedule.today(now);
    let said = |view: &LineView, line: &Line, kind| {
        let terms = Case::new(&view.history, line, now, schedule.calendar()).terms();
        content_line(Standing::of(line, today), &line.line_id, terms, kind)
    };
    let lines = order.view.lines.iter().filter(|other| other.line.line_id != line_id);
    let others: Vec<ContentLine> = lines
        .filter(|other| other.line.status() == Status::Backordered)
        .map(|other| said(other, &other.line, None))
        .collect();
    let content = |(kind, line, before): (Kind, Line, Option<Date>)| {
        let news = ContentLine { previous_expected_on: before, ..said(view, &line, Some(kind)) };
        Content { kind, lines: std::iter::once(news).chain(others.iter().cloned()).collect(), again: false }
    };
    news(view, today).into_iter().map(content).collect()
}

/// The kinds that make sense for a line as it stands, each with the line as it would be then and the day told before.
fn news(view: &LineView, today: Date) -> Vec<(Kind, Line, Option<Date>)> {
    let line = view.line.clone();
    match line.status() {
        Status::Shipped => Vec::new(),
        Status::Ready => vec![(Kind::Restocked, line, None)],
        Status::Cancelled => vec![(Kind::Cancelled, line, None)],
        Status::Backordered => {
            let told = view.told.as_ref().and_then(|told| told.standing.expected_on);
            let expected_on = Standing::of(&line, today).expected_on;
            let mut news = vec![(Kind::Backordered, line.clone(), None), (Kind::StillWaiting, line.clone(), None)];
            let moved = told.filter(|day| expected_on != Some(*day));
            if moved.is_some() || expected_on.is_some() {
                news.push((Kind::DateChanged, line.clone(), moved));
            }
            if let Some(day) = told.or(line.expected_on) {
                news.push((Kind::Overdue, Line { expected_on: None, ..line }, Some(day)));
            }
            news
        }
    }
}

fn content_line(standing: Standing, line_id: &str, terms: Terms, kind: Option<Kind>) -> ContentLine {
    let quantity = match kind {
        Some(Kind::Restocked) => standing.open,
        Some(Kind::Cancelled) => standing.cancelled,
        _ => standing.short,
    };
    ContentLine {
        line_id: line_id.into(),
        news: kind.into_iter().collect(),
        quantity,
        standing,
        previous_expected_on: None,
        terms,
        expires_at: None,
        answer: None,
        silent_until: None,
    }
}

/// Writes the three files of one mail.
fn write(folder: &Path, name: &str, draft: &Draft, renderer: &Renderer) -> anyhow::Result<()> {
    let message = renderer.render(draft).with_context(|| format!("{name} cannot be rendered"))?;
    let mail = message.to_mail(draft).with_context(|| format!("{name} cannot be put together"))?;
    let text = format!("Subject: {}\n\n{}", message.subject, message.text);
    for (ending, bytes) in [("html", message.html.into_bytes()), ("txt", text.into_bytes()), ("eml", mail.bytes)] {
        let file = folder.join(format!("{name}.{ending}"));
        std::fs::write(&file, bytes).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

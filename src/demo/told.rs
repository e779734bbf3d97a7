//! Who will get a mail about what was just done in the sample shop, so that the page can say what to wait for.
//!
//! In: how its lines stood before and after. Out: names. It says in the shop's words what `watch::detect` will find; the
//! mails themselves are the service's, which knows nothing of this file.

use jiff::civil::Date;

/// How a line stands, as far as a customer would hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub line_id: i64,
    pub customer: String,
    /// Of what is open, the pieces that no stock covers.
    pub short: i64,
    pub cancelled: i64,
    /// `None`: nobody knows.
    pub expected_on: Option<Date>,
}

/// The customers who will be told, each once, in the order of their oldest line.
pub(super) fn told(before: &[Standing], after: &[Standing]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for now in after {
        let was = before.iter().find(|line| line.line_id == now.line_id);
        if is_news(was, now) && !names.contains(&now.customer) {
            names.push(now.customer.clone());
        }
    }
    names
}

fn is_news(was: Option<&Standing>, now: &Standing) -> bool {
    let short_before = was.map_or(0, |was| was.short);
    let moved = was.is_some_and(|was| was.expected_on != now.expected_on);
    // A line that never waited was told nothing, so it is told of nothing else. Shipping takes only what is covered.
    now.short != short_before
        || (now.short > 0 && moved)
        || was.is_some_and(|was| short_before > 0 && was.cancelled < now.cancelled)
}

/// The sentence of the page.
pub(super) fn sentence(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => format!("{one} is told by mail."),
        [first @ .., last] => format!("{} and {last} are told by mail.", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn line(line_id: i64, customer: &str, short: i64, cancelled: i64, expected_on: Option<Date>) -> Standing {
        Standing { line_id, customer: customer.to_owned(), short, cancelled, expected_on }
    }

    #[test]
    fn who_waits_is_told_of_what_changed_and_nobody_else_is() {
        let (march, april) = (Some(date(2027, 3, 1)), Some(date(2027, 4, 1)));
        let table = [
            ("ordered beyond the stock", None, line(1, "Maya", 1, 0, march), true),
            ("ordered from the stock", None, line(1, "Maya", 0, 0, None), false),
            ("lost its pieces", Some(line(1, "Maya", 0, 0, None)), line(1, "Maya", 2, 0, march), true),
            ("the date moved", Some(line(1, "Maya", 1, 0, march)), line(1, "Maya", 1, 0, april), true),
            ("the date is lost", Some(line(1, "Maya", 1, 0, march)), line(1, "Maya", 1, 0, None), true),
            (
                "a date that it does not wait for",
                Some(line(1, "Maya", 0, 0, march)),
                line(1, "Maya", 0, 0, april),
                false,
            ),
            ("it came in", Some(line(1, "Maya", 2, 0, march)), line(1, "Maya", 0, 0, None), true),
            ("a part came in", Some(line(1, "Maya", 2, 0, march)), line(1, "Maya", 1, 0, march), true),
            ("cancelled while waiting", Some(line(1, "Maya", 1, 0, march)), line(1, "Maya", 0, 1, None), true),
            ("its covered part is cancelled", Some(line(1, "Maya", 1, 0, march)), line(1, "Maya", 1, 1, march), true),
            ("cancelled while ready", Some(line(1, "Maya", 0, 0, None)), line(1, "Maya", 0, 1, None), false),
            ("nothing", Some(line(1, "Maya", 1, 0, march)), line(1, "Maya", 1, 0, march), false),
        ];
        for (what, before, after, is_told) in table {
            let before: Vec<Standing> = before.into_iter().collect();
            assert_eq!(told(&before, &[after]).len(), usize::from(is_told), "{what}");
        }
    }

    #[test]
    fn everybody_is_named_once() {
        let after = [line(1, "Maya", 1, 0, None), line(2, "Jonas", 1, 0, None), line(3, "Maya", 1, 0, None)];
        let names = told(&[], &after);
        assert_eq!(names, ["Maya", "Jonas"]);
        assert_eq!(sentence(&names), "Maya and Jonas are told by mail.");
        assert_eq!(sentence(&names[..1]), "Maya is told by mail.");
        assert_eq!(sentence(&[]), "");
    }
}

//! Places where a test kills the process, as a power cut would: right before and right after a commit that matters.
//!
//! In: `name` or `name:count` from the environment, once, when the program starts. Out: nothing, or the process's own
//! `kill -9` when it comes to the point for the `count`th time. A release build holds no point at all: every call is
//! empty there, and the variable is not read.

use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// Whether this build has the points.
pub const COMPILED: bool = cfg!(debug_assertions);

/// The commits that have a point before and after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// A batch of whole orders of one look, with their notifications.
    Record,
    /// The end of a look: what it planned may leave.
    FinishLook,
    Claim,
    /// The rendered mails are kept.
    Prepare,
    /// The mails are about to be transferred.
    Mark,
    /// What became of the tries.
    Finish,
    /// What dead processes had in hand is taken back.
    Reap,
}

/// Where the process can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    Before(Commit),
    After(Commit),
    /// The relay has answered to a mail, and nobody knows but this process.
    Answered,
}

impl Commit {
    const ALL: [Commit; 7] = [
        Commit::Record,
        Commit::FinishLook,
        Commit::Claim,
        Commit::Prepare,
        Commit::Mark,
        Commit::Finish,
        Commit::Reap,
    ];

    fn word(self) -> &'static str {
        match self {
            Commit::Record => "record",
            Commit::FinishLook => "finish-look",
            Commit::Claim => "claim",
            Commit::Prepare => "prepare",
            Commit::Mark => "mark",
            Commit::Finish => "finish",
            Commit::Reap => "reap",
        }
    }
}

impl Point {
    /// Every point there is.
    pub fn all() -> impl Iterator<Item = Point> {
        let commits = Commit::ALL.into_iter();
        commits.flat_map(|commit| [Point::Before(commit), Point::After(commit)]).chain([Point::Answered])
    }

    /// As in `before-mark`.
    pub fn name(self) -> String {
        match self {
            Point::Before(commit) => format!("before-{}", commit.word()),
            Point::After(commit) => format!("after-{}", commit.word()),
            Point::Answered => "answered".into(),
        }
    }
}

/// The point that this process dies at, and how often it passes it before that.
struct Armed {
    point: Point,
    left: AtomicU32,
}

static ARMED: OnceLock<Armed> = OnceLock::new();

/// Chooses the point to die at. The error is for the author of the test.
pub fn arm(text: &str) -> Result<(), String> {
    let (name, count) = text.split_once(':').unwrap_or((text, "1"));
    let point = Point::all().find(|point| point.name() == name);
    let (Some(point), Ok(count)) = (point, count.parse::<u32>()) else {
        return Err(format!("there is no failpoint {text:?}"));
    };
    // Armed once, when the program starts.
    let _ = ARMED.set(Armed { point, left: AtomicU32::new(count) });
    Ok(())
}

/// Does nothing, unless this is the point to die at.
pub fn reach(point: Point) {
    if !COMPILED {
        return;
    }
    if let Some(armed) = ARMED.get().filter(|armed| armed.point == point)
        && armed.left.fetch_sub(1, Ordering::Relaxed) == 1
    {
        die();
    }
}

/// Ends this process as `kill -9` does. The shell that sends the signal takes a moment; this thread goes no further.
fn die() -> ! {
    let _ = Command::new("sh").args(["-c", "kill -KILL $PPID"]).status();
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_point_has_a_name_of_its_own() {
        let names: BTreeSet<String> = Point::all().map(Point::name).collect();
        assert_eq!(names.len(), 15);
    }

    #[test]
    fn a_point_that_does_not_exist_is_an_error() {
        for text in ["before-lunch", "before-mark:often", "answered:"] {
            assert!(arm(text).is_err(), "{text}");
        }
    }
}

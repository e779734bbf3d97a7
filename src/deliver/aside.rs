//! Work that yields to others: on a thread of its own, which gets the processor when nobody else wants it.
//!
//! In: a future that computes for long between its waits. Out: what it gives. Connections to relays, and the database that
//! they wait for, compute little at a time, and each moment that they wait for a processor is one in which a relay has
//! nothing to do: with two processors a sixteenth more mails leave in a second. What can go wrong: it panics, or there are
//! no more threads; then it gives nothing.

use std::future::Future;
use std::thread;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Of 0 to 19: at a tenth of the weight of who is not nice, and not at nothing.
const NICENESS: i32 = 10;

/// Runs `work`; `None`: it broke.
pub(super) async fn aside<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> Option<T> {
    let (given, result) = oneshot::channel();
    let runtime = Handle::current();
    let run = move || {
        yield_to_others();
        // Nobody waits for it any more: then nobody wants it.
        let _ = given.send(runtime.block_on(work));
    };
    thread::Builder::new().name("aside".into()).spawn(run).ok()?;
    result.await.ok()
}

fn yield_to_others() {
    // Elsewhere it would be about the whole process. Where it is not allowed, all goes on as it is.
    if cfg!(target_os = "linux") {
        let _ = rustix::process::nice(NICENESS);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_gives_what_the_work_gives_and_nothing_when_that_breaks() {
        assert_eq!(
            aside(async { thread::current().name().map(str::to_owned) }).await.flatten().as_deref(),
            Some("aside")
        );
        assert_eq!(aside(async { panic!("of the test") }).await, None::<()>);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn it_yields_and_its_caller_does_not() {
        use rustix::process::getpriority_process;
        let before = getpriority_process(None).unwrap();
        let there = aside(async { getpriority_process(None).unwrap() }).await;
        assert_eq!(there, Some((before + NICENESS).min(19)));
        assert_eq!(getpriority_process(None).unwrap(), before);
    }
}

//! Progress of long work, on a terminal only.

use std::io::IsTerminal;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const REDRAWN: Duration = Duration::from_millis(100);

/// Shows the growing `count` of `things` on stderr while `work` goes on; where stderr is no terminal, nothing.
pub async fn during<T>(count: &AtomicU64, things: &'static str, work: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let bar = ProgressBar::new_spinner().with_message(things);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    let drawing = async {
        loop {
            tokio::time::sleep(REDRAWN).await;
            bar.set_position(count.load(Ordering::Relaxed));
            bar.tick();
        }
    };
    let done = tokio::select! {
        done = work => done,
        () = drawing => unreachable!("the drawing never ends"),
    };
    bar.finish_and_clear();
    done
}

//! `backorderd run`: the service, one pass of it, or what a pass would do.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::output::{lines_read, say};
use super::{General, dead_links, progress, stranded, webhook};
use crate::app::App;
use crate::bounce::maildir::Read;
use crate::choice::carrier::HandedOver;
use crate::deliver::Delivered;
use crate::deliver::way::Way;
use crate::outbox::channels;
use crate::outbox::notification::WEBHOOK;
use crate::store::facts::fact;
use crate::watch::{LEASE, Looked, WATCH, WatchError, Watcher};

/// A process that stops has this long to finish what is in transfer.
const STOPPING: Duration = Duration::from_secs(9);
const LEFT: &str = "what is still in transfer is left to the leases; another process takes it over";
/// How often a lease that somebody else holds is asked for again.
const LEASE_ASKED: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub struct RunArguments {
    /// Run parts of it, so that many processes share the work.
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
    /// One full sweep, send what is due, exit.
    #[arg(long)]
    once: bool,
    /// Say who would be told what; write and send nothing.
    #[arg(long, conflicts_with_all = ["once", "only", "accept_shrunken"])]
    dry_run: bool,
    /// Take an emptied or shrunken feed as true, for the next sweep.
    #[arg(long)]
    accept_shrunken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The feeds, the calendar, planning.
    Watch,
    /// Notifications, and hand-overs to the shop.
    Deliver,
    /// Pages.
    Web,
}

impl RunArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        if self.accept_shrunken && !self.has(Part::Watch) {
            eprintln!("backorderd: --accept-shrunken is for the part that reads the feeds; add watch to --only");
            return Ok(ExitCode::from(2));
        }
        if self.dry_run {
            return super::dry_run::run(general).await;
        }
        let mut signals = Signals::heard()?;
        let app = tokio::select! {
            app = self.app(general) => app?,
            // Nothing was begun.
            () = signals.one() => return Ok(ExitCode::SUCCESS),
        };
        signals.stop(&app);
        if self.once { in_time(app.stopping(), Box::pin(self.once(&app))).await } else { self.service(&app).await }
    }

    async fn app(&self, general: &General) -> anyhow::Result<App> {
        let app = general.app().await?;
        // Whichever part runs first makes the link secret: after the first sweep it is too late to.
        app.link_keys().await?;
        if self.accept_shrunken {
            app.store.set_fact(fact::ACCEPT_SHRUNKEN, Some("by run --accept-shrunken")).await?;
        }
        Ok(app)
    }

    fn has(&self, part: Part) -> bool {
        self.only.is_empty() || self.only.contains(&part)
    }

    /// One pass: sweep, let news settle, hand over and send what is due.
    async fn once(&self, app: &App) -> anyhow::Result<ExitCode> {
        let mut good = true;
        // Before anything is read or sent: the settings of both halves are known to be right.
        let watcher = self.has(Part::Watch).then(|| app.watcher()).transpose()?;
        let delivery = if self.has(Part::Deliver) { Some((app.carrier()?, app.delivery().await?)) } else { None };
        if let Some(watcher) = watcher {
            good &= watch_once(app, &watcher, delivery.is_some()).await?;
        }
        if let Some((carrier, delivery)) = delivery {
            // Whose address is bad is known before anything is sent there.
            good &= read_bounces(app).await;
            // What the shop says to an answer may be told at once.
            let mut handed_over = carrier.tick().await?;
            let mut delivered: BTreeMap<Way, Delivered> = delivery.tick_each().await?.into_iter().collect();
            // What a process left that died in its midst is ours as soon as its lease ends.
            let patience = tokio::time::Instant::now() + LEASE.duration();
            while !*app.stopping().borrow() && anything_in_hand(app).await? && tokio::time::Instant::now() < patience {
                tokio::time::sleep(LEASE_ASKED).await;
                handed_over.add(carrier.tick().await?);
                for (way, more) in delivery.tick_each().await? {
                    delivered.entry(way).or_default().add(more);
                }
            }
            if app.settings.choices.reach_the_shop() || handed_over != HandedOver::default() {
                say_handed_over(handed_over);
            }
            for (way, delivered) in delivered {
                say_delivered(way, delivered);
                good &= delivered.all_accepted();
            }
            good &= handed_over.all_accepted();
            warn_of_disabled_webhook(app).await?;
            warn_of_stranded(app).await?;
        }
        warn_of_dead_links(app).await?;
        Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Everything that was asked for, until a signal ends it.
    async fn service(&self, app: &App) -> anyhow::Result<ExitCode> {
        let mut parts = JoinSet::new();
        if let Some(machines) = crate::web::machines::serve(app, self.has(Part::Watch)).await? {
            parts.spawn(machines);
        }
        if self.has(Part::Web) {
            let web = crate::web::serve(app, self.has(Part::Watch)).await?;
            parts.spawn(web);
        }
        if self.has(Part::Watch) {
            let watcher = app.watcher()?;
            parts.spawn(async move { Box::pin(watcher.run()).await });
        }
        if self.has(Part::Deliver) {
            let (carrier, delivery) = (app.carrier()?, app.delivery().await?);
            warn_of_disabled_webhook(app).await?;
            warn_of_stranded(app).await?;
            if let Some(reader) = app.bounce_reader() {
                parts.spawn(async move { reader.run().await });
            }
            parts.spawn(async move { carrier.run().await });
            parts.spawn(async move { delivery.run().await });
        }
        info!(state = if app.store.is_embedded() { "sqlite" } else { "postgres" }, "backorderd runs");
        let ended_early = ends_early(app.stopping(), &mut parts).await;
        app.stop();
        if tokio::time::timeout(STOPPING, parts.join_all()).await.is_err() {
            warn!("{LEFT}");
        }
        anyhow::ensure!(!ended_early, "a part of the service ended by itself; see the log above");
        info!("backorderd stopped");
        Ok(ExitCode::SUCCESS)
    }
}

/// Runs a pass; once the process is to stop, it has as long as a service to come to its end.
async fn in_time(
    mut stop: watch::Receiver<bool>,
    pass: impl Future<Output = anyhow::Result<ExitCode>>,
) -> anyhow::Result<ExitCode> {
    let stopped = async {
        // An error means that nobody can stop us any more.
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(STOPPING).await;
    };
    tokio::select! {
        ended = pass => ended,
        () = stopped => {
            warn!("{LEFT}");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Waits until the process is to stop, or a part of it ends though nobody asked; whether that was it.
pub(super) async fn ends_early(mut stop: watch::Receiver<bool>, parts: &mut JoinSet<()>) -> bool {
    let ended = tokio::select! {
        _ = stop.wait_for(|stop| *stop) => false,
        _ = parts.join_next() => true,
    };
    // A part that was asked to stop may be faster than our own hearing of it.
    ended && !*stop.borrow()
}

/// SIGTERM and SIGINT ask everything to come to an end: what is in transfer is finished, the rest given back.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From now on they end nothing by themselves.
    pub(super) fn heard() -> std::io::Result<Signals> {
        Ok(Signals { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn one(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// From now on one stops `app`.
    pub(super) fn stop(mut self, app: &App) {
        let stop = app.stopper();
        tokio::spawn(async move {
            self.one().await;
            stop.send_replace(true);
        });
    }
}

/// Sweeps once, and once more when news is settling and is to be delivered now. Whether all went well.
async fn watch_once(app: &App, watcher: &Watcher, delivers: bool) -> anyhow::Result<bool> {
    if !wait_for_lease(watcher).await {
        say!("another process watches the shop; this one leaves the sweep to it");
        return Ok(true);
    }
    let sweep = Box::pin(watcher.renewing(watcher.sweep()));
    let mut swept = progress::during(&watcher.lines_read, "lines read", sweep).await;
    if let (Ok(looked), true) = (&swept, delivers)
        && let Some(settles_at) = app.store.settles_at(watcher.settings.delivery.settle).await?
    {
        say_looked(*looked);
        let wait = Duration::try_from(settles_at.duration_since(app.clock.now())).unwrap_or_default();
        let wait = wait.min(watcher.settings.delivery.settle.duration());
        say!("news is settling; looking again in {} s", wait.as_secs_f64().ceil());
        let again = async {
            let mut stop = app.stopping();
            // A stop ends the wait; the sweep itself is short.
            let _ = tokio::time::timeout(wait, stop.wait_for(|stop| *stop)).await;
            watcher.sweep().await
        };
        swept = Box::pin(watcher.renewing(again)).await;
    }
    app.store.release_lease(WATCH, &app.owner).await?;
    match swept {
        Ok(looked) => {
            say_looked(looked);
            Ok(true)
        }
        Err(WatchError::Store(error)) => Err(error).context("the sweep could not be recorded"),
        Err(error) => {
            error!("{error}");
            Ok(false)
        }
    }
}

/// Takes the watcher's lease; a dead process's ends within 30 s, a living one's does not.
async fn wait_for_lease(watcher: &Watcher) -> bool {
    let patience = tokio::time::Instant::now() + LEASE.duration();
    loop {
        if watcher.has_lease().await {
            return true;
        }
        if tokio::time::Instant::now() >= patience {
            return false;
        }
        tokio::time::sleep(LEASE_ASKED).await;
    }
}

fn say_looked(looked: Looked) {
    let Looked { lines, changed, gone, set_aside, held, baseline, .. } = looked;
    let mut words = format!("{}, {changed} new or changed", lines_read(lines));
    if gone > 0 {
        words += &format!(", {gone} gone");
    }
    if set_aside > 0 {
        words += &format!(", {set_aside} set aside (see `backorderd tasks`)");
    }
    if held > 0 {
        let notifications = if held == 1 { "notification" } else { "notifications" };
        words += &format!(", {held} {notifications} held as a flood (see `backorderd tasks`)");
    }
    if baseline {
        words += "; the first sweep: what was found counts as told";
    }
    say!("{words}");
}

/// Reads the reports that came; whether they could be read.
async fn read_bounces(app: &App) -> bool {
    let Some(reader) = app.bounce_reader() else { return true };
    let (Read { returned, other }, failed) = reader.tick().await;
    if returned + other > 0 {
        say!("bounces: {returned} of our mails came back, {other} other mails");
    }
    if let Some(error) = &failed {
        error!("{error}");
    }
    // What it holds up is bounces, and no mail.
    failed.is_none()
}

/// Whether any process, dead or alive, has something in hand that is not finished.
async fn anything_in_hand(app: &App) -> anyhow::Result<bool> {
    Ok(app.store.any_in_hand().await? || app.store.any_answer_in_hand().await?)
}

fn say_handed_over(handed_over: HandedOver) {
    let counts = [
        (handed_over.taken, "handed over"),
        (handed_over.untouched, "handed over and not confirmed"),
        (handed_over.refused, "refused"),
        (handed_over.failed, "to be tried again"),
    ];
    say_counts("answers", &counts);
}

fn say_delivered(way: Way, delivered: Delivered) {
    let counts = [
        (delivered.accepted, "accepted"),
        (delivered.deferred, "to be tried again"),
        (delivered.failed, "failed"),
        (delivered.in_doubt, "in doubt"),
        (delivered.held, "held"),
        (delivered.overtaken, "overtaken by news"),
        (delivered.expired, "too late"),
        (delivered.suppressed, "suppressed"),
    ];
    let of_what = match way {
        Way::Mail => "mails",
        Way::Webhook => "webhooks",
    };
    say_counts(of_what, &counts);
}

fn say_counts(of_what: &str, counts: &[(usize, &str)]) {
    let words: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    say!("{of_what}: {}", if words.is_empty() { "none were due".into() } else { words.join(", ") });
}

/// Says that notifications wait since the receiver answered 410.
async fn warn_of_disabled_webhook(app: &App) -> anyhow::Result<()> {
    let posts = channels::every(app.settings.delivery.channel).contains(&WEBHOOK);
    if posts && let Some(since) = app.store.webhook_disabled_at().await? {
        warn!("{}", webhook::waits(since));
    }
    Ok(())
}

/// Says what waits for a channel that is not set.
async fn warn_of_stranded(app: &App) -> anyhow::Result<()> {
    for warning in stranded::warnings(&app.store, app.settings.delivery.channel).await? {
        warn!("{warning}");
    }
    Ok(())
}

async fn warn_of_dead_links(app: &App) -> anyhow::Result<()> {
    if dead_links::are_dead(&app.store, app.clock.now()).await? {
        warn!("{}", dead_links::WARNING);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_because_it_was_asked_to_does_not_end_early() {
        for _ in 0..100 {
            let (asking, asked) = watch::channel(false);
            let mut parts = JoinSet::new();
            parts.spawn(async {});
            tokio::task::yield_now().await;
            asking.send_replace(true);
            assert!(!ends_early(asked, &mut parts).await);
        }
    }

    #[tokio::test]
    async fn a_part_that_stops_before_we_hear_of_it_does_not_end_early() {
        let (asking, asked) = watch::channel(false);
        let mut parts = JoinSet::new();
        let faster = asking.clone();
        parts.spawn(async move {
            // It knows already, and we are not woken yet.
            faster.send_if_modified(|stop| {
                *stop = true;
                false
            });
        });
        assert!(!ends_early(asked, &mut parts).await);
        drop(asking);
    }

    #[tokio::test]
    async fn a_part_that_ends_by_itself_ends_early() {
        let (_asking, asked) = watch::channel(false);
        let mut parts = JoinSet::new();
        parts.spawn(async {});
        assert!(ends_early(asked, &mut parts).await);
    }
}

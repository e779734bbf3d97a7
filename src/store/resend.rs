//! What staff have sent again.
//!
//! In: notifications. Out: what was not sent, or may not have been, is the same row, tried now; of what was sent, refused
//! or taken back there is a new one: today's state, to whom the order belongs today, planned by the pure decision in
//! [`crate::outbox::again`]. What cannot be sent again is said one by one. All of it is one transaction.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::acknowledging::make;
use super::choices::Asking;
use super::dialect::{Row, Tx, batch, sql, values};
use super::ending::{end_unsent, unplan};
use super::log::{LogEntry, entry_of};
use super::record::{Recording, plans};
use super::staff::{By, done, ids_of, release, write_down};
use super::suppressions::{self, Stream};
use super::views::{self, Order};
use super::{Store, StoreError};
use crate::clock::{Clock, day};
use crate::outbox::notification::State;
use crate::outbox::plan::{Circumstances, Look};
use crate::outbox::schedule::Schedules;
use crate::outbox::{again, channels};
use crate::settings::delivery::Channels;
use crate::shell::quoted;

/// Tasks that end when their notification is sent again; if that fails too, there are new ones.
const ENDED: [&str; 4] = ["failed", "in_doubt", "suppressed", "bounced"];

/// What became of notifications that were to be sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resent {
    /// The same, due now.
    pub tried: Vec<Uuid>,
    /// Sent before, and the new notification that says it again.
    pub made: Vec<(Uuid, Uuid)>,
    /// Those of the new ones that staff must release first, and why.
    pub held: Vec<(Uuid, String)>,
    /// Why not.
    pub refused: Vec<(Uuid, String)>,
}

/// The order that a notification is about, as it is today: its row and how it is planned.
struct Today<'a> {
    order: &'a Order,
    clock: &'a Clock,
    now: Timestamp,
    schedules: &'a Schedules,
    channels: Channels,
}

impl Store {
    /// Sends `ids` again; news goes out on each of `channels`.
    pub async fn resend(
        &self,
        ids: &[Uuid],
        by: &By,
        channels: Channels,
        schedules: &Schedules,
        clock: &Clock,
    ) -> Result<Resent, StoreError> {
        let now = clock.now();
        let mut tx = self.write().await?;
        let homes = homes(&mut tx, ids).await?;
        views::lock(&mut tx, &homes.values().copied().collect::<Vec<_>>()).await?;
        let mut resent = Resent::default();
        let (mut again, mut anew) = (Vec::new(), Vec::new());
        for entry in entries(&mut tx, ids).await? {
            let is_set = channels::every(channels).contains(&&*entry.channel);
            match why_not(&entry, is_set, now) {
                Some(why) => resent.refused.push((entry.id, why)),
                None if is_unsent(&entry) && is_set => again.push(entry.id),
                None => anew.push(entry),
            }
        }
        leave_channel(&mut tx, &anew, now).await?;
        resent.tried = try_now(&mut tx, &again, now).await?;
        let missed = again.iter().filter(|id| !resent.tried.contains(id));
        resent.refused.extend(missed.map(|id| (*id, "somebody took it in hand meanwhile".to_owned())));
        make_anew(&mut tx, &anew, &homes, (by, channels, schedules, clock), &mut resent).await?;
        let mut all = done(&resent.tried);
        all.extend(resent.made.iter().map(|(of, made)| (*of, Some(*made))));
        write_down(&mut tx, "resent", &all, by, now).await?;
        end_tasks(&mut tx, &all, now).await?;
        tx.commit().await?;
        Ok(resent)
    }
}

impl Store {
    /// Those of `ids` in doubt of which staff have settled that she was told, or that it does not matter.
    pub async fn settled(&self, ids: &[Uuid]) -> Result<HashSet<Uuid>, StoreError> {
        let settled = sql!("select distinct x.id from " rows(id text) " join notifications n on n.id = x.id "
            "join tasks t on t.subject = x.id and t.kind = 'in_doubt' and t.done_at is not null where n.state = 'in_doubt' "
            "and not exists (select 1 from tasks o where o.subject = x.id and o.kind = 'in_doubt' and o.done_at is null) "
            "and not exists (select 1 from outbox b where b.id = n.id)");
        self.rows(settled, vec![ids_of(ids)?]).await?.iter().map(|row| row.id("id")).collect()
    }
}

/// Makes what says `entries` again, one order after the other.
async fn make_anew(
    tx: &mut Tx,
    entries: &[LogEntry],
    homes: &HashMap<Uuid, i64>,
    (by, channels, schedules, clock): (&By, Channels, &Schedules, &Clock),
    resent: &mut Resent,
) -> Result<(), StoreError> {
    let now = clock.now();
    let home_of = |entry: &LogEntry| homes.get(&entry.id).copied();
    for home in entries.iter().map(home_of).collect::<BTreeSet<_>>() {
        let of_home: Vec<&LogEntry> = entries.iter().filter(|entry| home_of(entry) == home).collect();
        let rows: Vec<i64> = home.into_iter().collect();
        let orders = views::load(tx, &rows, channels::telling(channels), now).await?;
        if let Some(order) = orders.first() {
            Today { order, clock, now, schedules, channels }.make(tx, &of_home, by, resent).await?;
        } else {
            let why = "the shop shows its lines no more";
            resent.refused.extend(of_home.iter().map(|entry| (entry.id, why.to_owned())));
        }
    }
    Ok(())
}

fn is_unsent(entry: &LogEntry) -> bool {
    matches!(entry.state, State::Queued | State::Held | State::InDoubt)
}

/// Ends those of `anew` that wait for a channel which is not set: they told nothing, and another channel tells their news.
async fn leave_channel(tx: &mut Tx, anew: &[LogEntry], now: Timestamp) -> Result<(), StoreError> {
    const NOTE: &str = "its channel is not set any more: another tells its news";
    let stranded = || anew.iter().filter(|entry| is_unsent(entry));
    let ended: Vec<(Uuid, &'static str)> = stranded().map(|entry| (entry.id, NOTE)).collect();
    end_unsent(tx, &ended, State::Superseded, now).await?;
    let news = stranded().filter(|entry| entry.kind.is_news());
    unplan(tx, news.map(|entry| (entry.order_row, &entry.content)), now).await
}

/// Why a notification, whose channel is set or not, cannot be sent again; `None`: it can.
fn why_not(entry: &LogEntry, is_set: bool, now: Timestamp) -> Option<String> {
    let too_late = entry.content.expires_at().is_some_and(|midnight| midnight <= now);
    let unsent = is_unsent(entry);
    let channel = &entry.channel;
    match entry.state {
        State::InDoubt if !is_set => {
            Some(format!("it may have been sent by {channel}, which delivery.channel does not name"))
        }
        _ if unsent && !is_set && entry.id != entry.news_id => {
            Some(format!("delivery.channel does not name {channel}, and its news goes out by another: withdraw it"))
        }
        State::Sending => Some("it is in a worker's hand".into()),
        State::Superseded => Some("newer news took its place: send that again".into()),
        State::Expired => Some(TOO_LATE.into()),
        _ if unsent && too_late => Some(TOO_LATE.into()),
        _ => None,
    }
}

/// A notice after its day does not cure what was missed.
const TOO_LATE: &str = "the last day of the option notice in it is over, and a late one gives no choice; \
    the next sweep tells the facts, and `backorderd deadlines` what is owed";

impl Today<'_> {
    /// Makes what says `entries` again, newest first: their news in one notification, their answers in one each.
    async fn make(&self, tx: &mut Tx, entries: &[&LogEntry], by: &By, resent: &mut Resent) -> Result<(), StoreError> {
        let (news, answers): (Vec<&LogEntry>, Vec<&LogEntry>) = entries.iter().partition(|entry| entry.kind.is_news());
        for entry in answers {
            match self.unreachable(tx, entry).await? {
                Some(why) => resent.refused.push((entry.id, why)),
                None => resent.made.push((entry.id, self.answer(tx, entry).await?)),
            }
        }
        let Some(newest) = news.first() else { return Ok(()) };
        match self.tell(tx, newest, by, resent).await? {
            Ok(id) => resent.made.extend(news.iter().map(|entry| (entry.id, id))),
            Err(why) => resent.refused.extend(news.iter().map(|entry| (entry.id, why.clone()))),
        }
        Ok(())
    }

    /// Makes the notification that says the news of `entry` again; or says why there is none.
    async fn tell(
        &self,
        tx: &mut Tx,
        entry: &LogEntry,
        by: &By,
        resent: &mut Resent,
    ) -> Result<Result<Uuid, String>, StoreError> {
        if let Some(why) = self.unreachable(tx, entry).await? {
            return Ok(Err(why));
        }
        if let Some(unsent) = &self.order.view.unsent {
            let ours = sql!("select 1 as one from staff_actions where made = $1 and action_id = $2 limit 1");
            let ours = tx.row(ours, values![unsent.id, by.action_id]).await?.is_some();
            let waits = format!("its order has another that waits to be sent: send {} again", unsent.id);
            return Ok(if ours { Ok(unsent.id) } else { Err(waits) });
        }
        let schedule = self.schedules.of(&self.order.shop_id);
        let at = Circumstances { look: Look::Recheck, began: self.now, schedule };
        let Some(plan) = again::resend(&self.order.view, &entry.content, at) else {
            return Ok(Err("nothing of what it said is left to say".into()));
        };
        let held = plan.action.telling().and_then(|telling| telling.held.clone());
        plans::record(tx, std::slice::from_ref(self.order), &[plan], self.recording()).await?;
        let made = sql!("update outbox set released = (state = 'queued') where order_row = $1 "
            "and state in ('queued', 'held') and news returning news_id");
        let made = tx.row(made, values![self.order.row]).await?;
        let made = made.ok_or_else(|| StoreError::Damaged("a notification that was just made is absent".into()))?;
        let id = made.id("news_id")?;
        resent.held.extend(held.map(|why| (id, why)));
        Ok(Ok(id))
    }

    /// Makes what answers her once more: what it speaks of has not changed.
    async fn answer(&self, tx: &mut Tx, entry: &LogEntry) -> Result<Uuid, StoreError> {
        let today = day(self.now, &self.schedules.of(&self.order.shop_id).zone);
        let asking = Asking { clock: self.clock, now: self.now, today, channels: &[] };
        let mut news_id = None;
        let is_set = channels::every(self.channels).contains(&&*entry.channel);
        let channel = if is_set { &*entry.channel } else { channels::telling(self.channels) };
        make(tx, self.order.row, channel, &entry.content, self.now, &mut news_id, asking).await?;
        news_id.ok_or_else(|| StoreError::Damaged("a notification that was just made is absent".into()))
    }

    /// Why nobody can be told; `None`: somebody can.
    async fn unreachable(&self, tx: &mut Tx, entry: &LogEntry) -> Result<Option<String>, StoreError> {
        let Some(recipient) = &self.order.view.recipient else {
            return Ok(Some("its order has no e-mail address: enter one in the shop".into()));
        };
        let stream = Stream::of(&entry.content);
        let barred = suppressions::barred(tx, recipient, stream).await?;
        Ok(barred.map(|reason| {
            let (stream, word) = (stream.in_words(), stream.word());
            let address = quoted(recipient);
            format!("{recipient} gets no {stream} ({reason}): `backorderd suppress remove {address} --stream {word}`")
        }))
    }

    fn recording(&self) -> Recording<'_> {
        Recording::without_look(self.clock, self.now, self.channels)
    }
}

/// The order that each notification's first line belongs to today: an address that was corrected made another. What
/// names no line that the shop shows is of the order that it was made for, if it answers her.
async fn homes(tx: &mut Tx, ids: &[Uuid]) -> Result<HashMap<Uuid, i64>, StoreError> {
    let homes = sql!("select n.id, n.order_row, n.kind, (select l.order_row from "
        either("json_each(n.content, '$.lines')", "jsonb_array_elements(n.content::jsonb->'lines') with ordinality")
        " said join lines l on l.shop_id = o.shop_id and l.line_id = said.value->>'line_id' and not l.gone "
        "order by said." either("key", "ordinality") " limit 1) as home from " rows(id text)
        " join notifications n on n.id = x.id join orders o on o.id = n.order_row");
    let mut found = HashMap::new();
    for row in tx.rows(homes, vec![ids_of(ids)?]).await? {
        let own = row.text("kind")? == "fresh_link";
        let home = row.maybe_int("home")?.or(own.then_some(row.int("order_row")?));
        if let Some(home) = home {
            found.insert(row.id("id")?, home);
        }
    }
    Ok(found)
}

/// The notifications, newest first.
pub(super) async fn entries(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<LogEntry>, StoreError> {
    let entries = sql!("select n.*, o.order_id, o.order_number, o.shop_id, o.recipient, o.locale from " rows(id text)
        " join notifications n on n.id = x.id join orders o on o.id = n.order_row order by n.created_at desc, n.id desc");
    tx.rows(entries, vec![ids_of(ids)?]).await?.iter().map(entry_of).collect()
}

/// Makes unsent ones and those in doubt due now; returns those that nobody has in hand. What was in doubt for good goes
/// back to the outbox.
async fn try_now(tx: &mut Tx, ids: &[Uuid], now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    revive(tx, ids, State::InDoubt, State::InDoubt, now).await?;
    release(tx, ids, now).await?;
    let hasten = sql!("update outbox set due_at = $2, settled = true, ready = true, released = true "
        "where state in ('queued', 'in_doubt') and id in (select id from " rows(id text) ") returning id");
    let rows = tx.rows(hasten, vec![ids_of(ids)?, now.into()]).await?;
    rows.iter().map(|row: &Row| row.id("id")).collect()
}

/// Brings those of `ids` that ended in the state `was` back to the outbox, due now, with the bytes that were kept of
/// them.
pub(super) async fn revive(
    tx: &mut Tx,
    ids: &[Uuid],
    was: State,
    becomes: State,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Whoever had it before comes with an older fence.
    let revive = sql!("insert into outbox (id, news_id, order_row, channel, kind, kinds, state, content, settled, ready, news, "
        "calendar, released, created_at, due_at, attempts, last_reply, note, doubts, fence) "
        "select s.id, s.news_id, s.order_row, s.channel, s.kind, s.kinds, cast($4 as text), s.content, true, true, "
        "s.kind not in ('choice_received', 'choice_refused', 'fresh_link'), s.calendar, s.released, s.created_at, "
        "cast($2 as bigint), s.attempts, s.last_reply, case when $4 = 'in_doubt' then s.note end, "
        "case when $4 = 'in_doubt' then 1 else 0 end, cast($2 as bigint) from " rows(id text)
        " join sent_log s on s.id = x.id where s.state = $3");
    tx.execute(revive, vec![ids_of(ids)?, now.into(), was.word().into(), becomes.word().into()]).await?;
    let leave = sql!("delete from sent_log where state = $2 and id in (select id from " rows(id text) ")");
    tx.execute(leave, vec![ids_of(ids)?, was.word().into()]).await.map(drop)
}

/// Ends the tasks that the notifications had left.
async fn end_tasks(tx: &mut Tx, done: &[(Uuid, Option<Uuid>)], now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Ended {
        kind: &'static str,
        subject: Uuid,
    }
    let subjects: BTreeSet<Uuid> = done.iter().map(|(id, _)| *id).collect();
    let ended: Vec<Ended> =
        subjects.into_iter().flat_map(|subject| ENDED.map(|kind| Ended { kind, subject })).collect();
    let end = sql!("update tasks set done_at = $2 where done_at is null and (kind, subject) in (select kind, subject from "
        rows(kind text, subject text) ")");
    tx.execute(end, vec![batch(&ended)?, now.into()]).await.map(drop)
}

//! `backorderd preview --out DIR`: what the mails look like, without sending any.
//!
//! In: the shop's settings and words; with `--line`, that line's order as it is recorded. Out: for each kind and locale
//! an `.html`, a `.txt` and an `.eml`. No link in them is live.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use jiff::civil::Date;

use super::General;
use super::draft::draft;
use super::output::count;
use crate::app;
use crate::clock::Clock;
use crate::deliver::compose;
use crate::outbox::notification::Kind;
use crate::outbox::notification::MAIL;
use crate::outbox::plan::{Content, ContentLine, LineView};
use crate::outbox::schedule::Schedules;
use crate::promise::terms::Terms;
use crate::render::draft::Draft;
use crate::render::{Renderer, samples};
use crate::settings::Settings;
use crate::shop::line::Status;
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
        for (draft, renderer) in drafts.drafts.iter().map(|draft| (draft, &drafts.renderer)) {
            write(&self.out, draft, renderer)?;
        }
        println!("{} written to {}", count(drafts.drafts.len() * 3, "file", "files"), self.out.display());
        Ok(ExitCode::SUCCESS)
    }

    /// Every kind in every locale that has words.
    fn samples(&self, settings: &Settings) -> anyhow::Result<Drafts> {
        let shop_id = self.shop.as_deref().unwrap_or_default();
        if !shop_id.is_empty() && !settings.shops.contains_key(shop_id) {
            bail!("there is no [shops.{shop_id}] in the settings");
        }
        let renderer = renderer(settings, shop_id)?;
        let now = Clock::System.now();
        let today = Schedules::new(settings).of(shop_id).today(now);
        let mut drafts = Vec::new();
        for locale in renderer.locales() {
            for kind in samples::KINDS {
                drafts.push(samples::draft(kind, locale, compose::face(settings, shop_id), now, today));
            }
        }
        Ok(Drafts { renderer, drafts })
    }

    /// Each kind that makes sense for a recorded line, in its customer's locale.
    async fn of_line(&self, general: &General, line_id: &str) -> anyhow::Result<Drafts> {
        let app = general.recorded_app().await?;
        let (shop_id, order_row) = super::explain::place(&app, self.shop.as_deref(), line_id).await?;
        let now = app.clock.now();
        let orders = app.store.orders(&[order_row], MAIL, now).await?;
        let order = orders.first().context("its order is not recorded any more")?;
        let today = Schedules::new(&app.settings).of(&shop_id).today(now);
        let contents = contents(order, line_id, today);
        if contents.is_empty() {
            bail!("no mail makes sense about line {line_id} as it stands: see `backorderd explain {line_id}`");
        }
        let mut drafts = Vec::new();
        for content in contents {
            drafts.push(Draft {
                // An order without an address has previews all the same.
                recipient_email: order.view.recipient.clone().unwrap_or_else(|| "nobody@example.com".into()),
                ..draft(&app, order, app.clock.new_id(), &content).await?
            });
        }
        Ok(Drafts { renderer: renderer(&app.settings, &shop_id)?, drafts })
    }
}

struct Drafts {
    renderer: Renderer,
    drafts: Vec<Draft>,
}

fn renderer(settings: &Settings, shop_id: &str) -> anyhow::Result<Renderer> {
    let mut renderers = app::renderers(settings)?;
    Ok(renderers.by_shop.remove(shop_id).unwrap_or(renderers.default))
}

/// What the mails of each kind would say of this line, with the other waiting lines unchanged below it.
fn contents(order: &Order, line_id: &str, today: Date) -> Vec<Content> {
    let Some(view) = order.view.lines.iter().find(|view| view.line.line_id == line_id) else { return Vec::new() };
    let others: Vec<ContentLine> = order
        .view
        .lines
        .iter()
        .filter(|other| other.line.line_id != line_id)
        .map(|other| (other, Standing::of(&other.line, today)))
        .filter(|(_, standing)| standing.status == Status::Backordered)
        .map(|(other, standing)| content_line(other, standing, None))
        .collect();
    let content = |(kind, standing, before)| {
        let news = ContentLine { previous_expected_on: before, ..content_line(view, standing, Some(kind)) };
        let lines = std::iter::once(news).chain(others.iter().cloned()).collect();
        Content { kind, lines }
    };
    news(view, today).into_iter().map(content).collect()
}

/// The kinds that make sense for a line as it stands, each with the standing and the day told before that go with it.
fn news(view: &LineView, today: Date) -> Vec<(Kind, Standing, Option<Date>)> {
    let standing = Standing::of(&view.line, today);
    match standing.status {
        Status::Shipped => Vec::new(),
        Status::Ready => vec![(Kind::Restocked, standing, None)],
        Status::Cancelled => vec![(Kind::Cancelled, standing, None)],
        Status::Backordered => {
            let told = view.told.as_ref().and_then(|told| told.standing.expected_on);
            let mut news =
                vec![(Kind::Backordered, standing.clone(), None), (Kind::StillWaiting, standing.clone(), None)];
            let moved = told.filter(|day| standing.expected_on != Some(*day));
            if moved.is_some() || standing.expected_on.is_some() {
                news.push((Kind::DateChanged, standing.clone(), moved));
            }
            if let Some(day) = told.or(view.line.expected_on) {
                news.push((Kind::Overdue, Standing { expected_on: None, ..standing }, Some(day)));
            }
            news
        }
    }
}

fn content_line(view: &LineView, standing: Standing, kind: Option<Kind>) -> ContentLine {
    let quantity = match kind {
        Some(Kind::Restocked) => standing.open,
        Some(Kind::Cancelled) => standing.cancelled,
        _ => standing.short,
    };
    ContentLine {
        line_id: view.line.line_id.clone(),
        news: kind.into_iter().collect(),
        quantity,
        standing,
        previous_expected_on: None,
        terms: Terms::default(),
        expires_at: None,
        answer: None,
    }
}

/// Writes the three files of one mail.
fn write(folder: &Path, draft: &Draft, renderer: &Renderer) -> anyhow::Result<()> {
    let name = format!("{}.{}", draft.kind.word(), draft.locale);
    let message = renderer.render(draft).with_context(|| format!("{name} cannot be rendered"))?;
    let mail = message.to_mail(draft).with_context(|| format!("{name} cannot be put together"))?;
    let text = format!("Subject: {}\n\n{}", message.subject, message.text);
    for (ending, bytes) in [("html", message.html.into_bytes()), ("txt", text.into_bytes()), ("eml", mail.bytes)] {
        let file = folder.join(format!("{name}.{ending}"));
        std::fs::write(&file, bytes).with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}

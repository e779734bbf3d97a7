//! The shop of the benchmark, and settings for it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::state::{State, wait_for};

/// A shop whose every line waits.
pub struct Shop {
    file: PathBuf,
    pub orders: usize,
}

impl Shop {
    /// So many orders, each of so many lines.
    pub fn new(folder: &Path, orders: usize, lines: usize) -> Shop {
        let file = folder.join(format!("shop-{orders}-{lines}.db"));
        if !file.exists() {
            wait_for(fill(&file, orders, lines));
        }
        Shop { file, orders }
    }

    /// How large its mails are: the one of its first line, as it stands in the state database.
    pub fn mail_bytes(settings: &Path) -> usize {
        let out = settings.parent().unwrap().join("preview");
        let status = Command::new(env!("CARGO_BIN_EXE_backorderd"))
            .args(["preview", "--line", "L1", "--config", settings.to_str().unwrap(), "--out", out.to_str().unwrap()])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        fs::metadata(out.join("backordered.en-US.eml")).unwrap().len() as usize
    }
}

/// Writes the settings of a run into a folder of its own.
pub fn settings(
    folder: &Path,
    shop: &Shop,
    state: &State,
    first_sweep: &str,
    port: u16,
    connections: usize,
) -> PathBuf {
    static WRITTEN: AtomicUsize = AtomicUsize::new(0);
    let folder = folder.join(format!("run-{}", WRITTEN.fetch_add(1, Ordering::Relaxed)));
    let text = format!(
        r#"
[shop]
name = "Bench"
url = "https://shop.example"
support_email = "help@shop.example"
postal_address = "1 Main Street"
time_zone = "America/New_York"
[state]
url = "{state}"
[orders]
url = "sqlite://{shop}"
mapping = "custom"
first_sweep = "{first_sweep}"
statement_timeout = "5m"
[orders.queries]
lines = "select * from lines"
[mail]
from = "Bench <orders@shop.example>"
[[mail.relays]]
url = "smtp://127.0.0.1:{port}?tls=none"
max_connections = {connections}
max_messages = 100000
[delivery]
settle = "0s"
max_per_sweep = 0
[web]
public_url = "https://orders.shop.example"
listen = "127.0.0.1:0"
secret_file = "secret"
"#,
        shop = shop.file.display(),
        state = state.url,
    );
    fs::create_dir(&folder).unwrap();
    let file = folder.join("backorderd.toml");
    fs::write(&file, text).unwrap();
    // One secret for all: what one run keeps, another sends.
    let secret = folder.join("secret");
    fs::write(&secret, [b'7'; 43]).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    file
}

async fn fill(file: &Path, orders: usize, lines: usize) {
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let mut shop = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let schema = "create table lines (line_id text primary key, order_id text, order_number text, customer_email text, \
        customer_name text, locale text, ship_to_country text, product_key text, sku text, product_name text, ordered_qty int, \
        short_qty int, unit_price text, currency text, ordered_at text, expected_on text)";
    shop.execute(schema).await.unwrap();
    let rows = format!(
        "with recursive n(i, o) as (select 1, 1 union all select i + 1, i / {lines} + 1 from n where i < {all}) insert into lines \
         select 'L' || i, 'S' || o, 'S' || printf('%06d', o), 'customer' || o || '@example.com', 'Customer Number ' || o, \
         'en-US', 'US', 'P' || (i % 5000), 'SKU-' || (i % 5000), 'Camp stove, model ' || (i % 5000), 2, 2, '49.90', 'USD', \
         '2026-11-01T10:00:00Z', '2027-02-10' from n",
        all = orders * lines,
    );
    shop.execute(AssertSqlSafe(rows)).await.unwrap();
    shop.close().await.unwrap();
}

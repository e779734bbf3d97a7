//! Somebody of the staff.

use backorderd::store::staff::By;
use uuid::Uuid;

/// Grace, who named what she meant one by one.
pub fn by() -> By {
    acting(1, "one by one")
}

/// The same Grace in her `number`th command.
pub fn acting(number: u128, chosen_by: &str) -> By {
    By { action_id: Uuid::from_u128(number), who: "grace".into(), chosen_by: chosen_by.into() }
}

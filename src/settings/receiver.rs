//! Who gets signed JSON: `[webhook]`, and the hook of `[choices]`.

use super::section::Section;
use super::url;
use crate::webhook::signature::SigningKeys;

/// Where messages go, and what signs them.
#[derive(Clone, Debug)]
pub struct ReceiverSettings {
    /// Holds no login; its query may hold a secret.
    pub url: String,
    pub keys: SigningKeys,
}

impl ReceiverSettings {
    /// `[webhook]`.
    pub(super) fn webhook(mut section: Section<'_>) -> Option<ReceiverSettings> {
        let url = section.required("url", "https://receiver.example/backorderd", url::web);
        let keys = section.secret_as("secret", "secret_file", keys);
        if keys.is_none() && !section.is_wrong("secret_file") {
            section.missing("secret", "write secret_file = \"webhook-secret\" with whsec_... in the file");
        }
        section.close();
        Some(ReceiverSettings { url: url?, keys: keys? })
    }

    /// The hook of `[choices]`, which is optional.
    pub(super) fn hook(section: &mut Section<'_>) -> Option<ReceiverSettings> {
        let url = section.text("hook_url", url::web);
        let keys = section.secret_as("hook_secret", "hook_secret_file", keys);
        match (&url, &keys) {
            (Some(_), None) => {
                let mend = "the hook is signed; write hook_secret_file = \"FILE\" with whsec_... in the file";
                section.contradiction("hook_secret_file", "hook_secret", format!("missing; {mend}"));
            }
            (None, Some(_)) => {
                let what = "there is no hook to sign; add hook_url, or take the secret out";
                section.contradiction("hook_secret", "hook_url", what);
            }
            _ => {}
        }
        Some(ReceiverSettings { url: url?, keys: keys? })
    }
}

fn keys(text: &str) -> Result<SigningKeys, String> {
    SigningKeys::parse(text).map_err(|error| error.to_string())
}

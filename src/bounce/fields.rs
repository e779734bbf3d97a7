//! Fields as headers are written (RFC 5322, section 2.2): names, values, folded lines; blocks end with an empty line.
//!
//! In: text of any origin. Out: its fields; a line that is none is passed over. Pure.

/// One block of fields.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    fields: Vec<(&'a str, String)>,
}

impl<'a> Fields<'a> {
    /// The blocks of a text, in order; those without any field are left out.
    pub fn blocks(text: &'a str) -> Vec<Fields<'a>> {
        let mut blocks = vec![Fields::default()];
        for line in text.lines() {
            let line = line.trim_end_matches('\r');
            let Some(block) = blocks.last_mut() else { continue };
            if line.trim().is_empty() {
                blocks.push(Fields::default());
            } else if line.starts_with([' ', '\t']) {
                if let Some((_, value)) = block.fields.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once(':') {
                block.fields.push((name.trim(), value.trim().to_owned()));
            }
        }
        blocks.retain(|block| !block.fields.is_empty());
        blocks
    }

    /// The first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        let named = |(of, _): &&(&str, String)| of.eq_ignore_ascii_case(name);
        self.fields.iter().find(named).map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_taken_apart_and_folded_lines_put_together() {
        let blocks = Fields::blocks("A: 1\r\nB: two\r\n\t three\r\n\r\n\r\nno field\r\na : 4\r\n");
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].get("a"), blocks[0].get("B")), (Some("1"), Some("two three")));
        assert_eq!((blocks[1].get("A"), blocks[1].get("B")), (Some("4"), None));
        assert!(Fields::blocks("\n\n x\n").is_empty());
    }
}

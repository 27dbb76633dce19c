//! Words and paths as a shell takes them, for commands that people are told to run.

use std::path::Path;

/// `word`, quoted where a shell would not take it as it is.
pub(crate) fn word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,=".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A path, quoted where a shell would not take it as it is.
pub(crate) fn path(path: &Path) -> String {
    word(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (plain, expected) in [
            ("/srv/folkmoot/H", "/srv/folkmoot/H"),
            ("my hub", "'my hub'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
            ("$HOME", "'$HOME'"),
        ] {
            assert_eq!(word(plain), expected);
        }
    }
}

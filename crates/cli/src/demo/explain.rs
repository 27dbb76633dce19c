//! The words under the national report: which figures are not exact, and why.

use serde_json::Value;

const RULES: &str = "\
How a hub decides what it lets out, cell by cell (its own preview says which rule met which cell):
- A figure of people counts eight or more, or the hub says only \"fewer than 8\". Where fewer than eight stand behind a sum,
  such as minutes taught, it says nothing.
- The parts of a breakdown are rounded to the nearest 5. Where one part alone would be hidden, a second is hidden with it:
  else the total would give the first away. Where everybody is in one part, or the total is hidden, no part is shown.
- Figures that say nothing of a person, such as sessions held, leave as they are.
The Academy never learns which rule it was. It adds up the least and the most that each hub can mean.
What others published about the programme is real and stands there as context. The sample is invented: compare nothing.";

/// Explains a report, given as `academy report --format json` gives it: each total, and how many parts of breakdowns.
pub(super) fn explain(report: &Value) -> String {
    let mut words = "What is not exact in this report, and why\n\n".to_owned();
    let lines = || report["indicators"].as_array().into_iter().flatten();
    for line in lines().filter(|line| line["breakdown"].is_null()) {
        if let Some(why) = why(line) {
            words.push_str(&format!("  {}: {why}\n", line["title"].as_str().unwrap_or_default()));
        }
    }
    let parts = lines().filter(|line| !line["breakdown"].is_null());
    let (exact, others): (Vec<_>, Vec<_>) = parts.partition(|line| why(line).is_none());
    let all = exact.len() + others.len();
    words.push_str(&format!("  {} of {all} parts of breakdowns: rounded, or hidden where few\n", others.len()));
    format!("{words}\n{RULES}\n")
}

/// Why the total of a line is not exact; nothing where it is.
fn why(line: &Value) -> Option<String> {
    let number = |name: &str| line[name].as_u64().unwrap_or(0);
    let (hubs, hidden, rounded) = (number("hubs"), number("hubs_hidden"), number("hubs_rounded"));
    let these = |many: u64| match many {
        1 => format!("1 of {hubs} hubs"),
        many if many == hubs => format!("all {hubs} hubs"),
        many => format!("{many} of {hubs} hubs"),
    };
    let total = match (hidden == hubs, line["high"].is_null()) {
        (true, _) => "no total is published",
        (false, true) => "the total is at least what the others say",
        (false, false) => "the total lies between two bounds",
    };
    match (hidden, rounded) {
        (0, 0) => None,
        (0, rounded) => Some(format!("rounded by {}; {total}", these(rounded))),
        (hidden, 0) => Some(format!("hidden by {}; {total}", these(hidden))),
        (hidden, rounded) => Some(format!("hidden by {}, rounded by {}; {total}", these(hidden), these(rounded))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_exact_is_explained() {
        let line = |title: &str, breakdown: Value, high: Value, hidden: u64, rounded: u64| {
            json!({
                "title": title, "breakdown": breakdown, "low": 1, "high": high,
                "hubs": 4, "hubs_hidden": hidden, "hubs_rounded": rounded,
            })
        };
        let gender = |code: &str| json!({ "dimension": "gender", "category": code });
        for (line, expected) in [
            (line("People trained", Value::Null, json!(267), 0, 0), None),
            (
                line("People trained", gender("woman"), Value::Null, 1, 3),
                Some("hidden by 1 of 4 hubs, rounded by 3 of 4 hubs; the total is at least what the others say"),
            ),
            (
                line("Young people trained", Value::Null, json!(44), 1, 0),
                Some("hidden by 1 of 4 hubs; the total lies between two bounds"),
            ),
            (
                line("People trained", gender("man"), json!(80), 0, 4),
                Some("rounded by all 4 hubs; the total lies between two bounds"),
            ),
            (
                line("People trained", gender("unknown"), json!(28), 4, 0),
                Some("hidden by all 4 hubs; no total is published"),
            ),
        ] {
            assert_eq!(why(&line).as_deref(), expected, "{line}");
        }
        let report = json!({ "indicators": [
            line("Listenings", Value::Null, Value::Null, 1, 0),
            line("Training sessions", Value::Null, json!(40), 0, 0),
            line("People trained", gender("woman"), Value::Null, 1, 3),
            line("People trained", gender("man"), json!(30), 0, 0),
        ] });
        let words = explain(&report);
        assert!(words.contains("\n  Listenings: hidden by 1 of 4 hubs"), "{words}");
        assert!(words.contains("\n  1 of 2 parts of breakdowns"), "{words}");
        assert!(!words.contains("Training sessions"), "{words}");
    }
}

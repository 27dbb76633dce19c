//! Breakdowns in tables: parts under their headline, and what says little left out.

use comfy_table::Table;
use folkmoot_domain::indicator::Dimension;

use crate::figures;

/// A line of a table: a headline, or a part of a breakdown.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// The indicator's title.
    pub(crate) title: String,
    /// The dimension's code; empty for a headline.
    pub(crate) dimension: String,
    /// The category's title; empty for a headline.
    pub(crate) category_title: String,
    /// The hub's true figure, where the table has a column for it.
    pub(crate) true_figure: Option<String>,
    /// The other columns.
    pub(crate) columns: Vec<String>,
    /// Whether nothing is said of it at all.
    pub(crate) withheld: bool,
    /// Whether nobody is in it, and nothing is said of that.
    pub(crate) empty: bool,
}

/// Adds lines to a table, each breakdown under the name of its dimension. Without `all`, a breakdown that is withheld
/// whole for one reason takes one line, and parts with nobody in them none. Returns how many lines were left out.
pub(crate) fn add(table: &mut Table, lines: &[Line], all: bool) -> usize {
    let mut left_out = 0;
    for group in lines.chunk_by(|a, b| (&a.title, &a.dimension) == (&b.title, &b.dimension)) {
        let [first, ..] = group else { continue };
        if first.dimension.is_empty() {
            for line in group {
                row(table, line.title.clone(), line.true_figure.clone(), &line.columns);
            }
            continue;
        }
        let name = format!("  {}", dimension_title(&first.dimension));
        let withheld = |line: &Line| line.withheld && line.columns == first.columns;
        if !all && group.len() > 1 && group.iter().all(withheld) {
            left_out += group.len();
            row(table, name, first.true_figure.as_ref().map(|_| String::new()), &first.columns);
            continue;
        }
        let shown: Vec<&Line> = group.iter().filter(|line| all || !line.empty).collect();
        left_out += group.len() - shown.len();
        if !shown.is_empty() {
            let none = vec![String::new(); first.columns.len()];
            row(table, name, first.true_figure.as_ref().map(|_| String::new()), &none);
        }
        for line in shown {
            row(table, format!("    {}", line.category_title), line.true_figure.clone(), &line.columns);
        }
    }
    left_out
}

/// What was left out, in a sentence; empty where nothing was.
pub(crate) fn left_out(count: usize, what: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!("1 line left out: {what}. --all shows it.\n"),
        _ => format!("{} lines left out: {what}. --all shows them.\n", figures::count(count as u64)),
    }
}

fn row(table: &mut Table, title: String, true_figure: Option<String>, columns: &[String]) {
    let cells = std::iter::once(title).chain(true_figure).chain(columns.iter().cloned());
    table.add_row(cells);
}

/// A newer node may break down by what this client does not know.
fn dimension_title(code: &str) -> String {
    Dimension::from_code(code).map_or(code, |dimension| dimension.title()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{table, text};

    fn line(title: &str, dimension: &str, category: &str, value: u64, columns: &[&str]) -> Line {
        Line {
            title: title.into(),
            dimension: dimension.into(),
            category_title: category.into(),
            true_figure: Some(value.to_string()),
            columns: columns.iter().map(|column| (*column).to_owned()).collect(),
            withheld: columns == ["withheld"],
            empty: value == 0,
        }
    }

    fn lines() -> Vec<Line> {
        vec![
            line("People trained", "", "", 42, &["42"]),
            line("People trained", "gender", "Women", 40, &["about 40"]),
            line("People trained", "gender", "Men", 2, &["fewer than 8"]),
            line("People trained", "gender", "Unknown", 0, &["fewer than 8"]),
            line("People trained", "ethnicity", "Asian", 42, &["withheld"]),
            line("People trained", "ethnicity", "Unknown", 0, &["withheld"]),
            line("Listenings", "", "", 7, &["7"]),
            line("Listenings", "theme", "Housing", 0, &["withheld"]),
        ]
    }

    #[test]
    fn parts_stand_under_their_dimension_and_what_says_little_is_left_out() {
        let mut shown = table(&["", "True figure", "What leaves"]);
        assert_eq!(add(&mut shown, &lines(), false), 4);
        assert_eq!(
            text(shown, &[1]),
            "                True figure  What leaves\n\
             ------------------------------------------\n\
             People trained           42  42\n\
             \x20 Gender\n\
             \x20   Women                40  about 40\n\
             \x20   Men                   2  fewer than 8\n\
             \x20 Ethnicity                  withheld\n\
             Listenings                7  7\n"
        );
    }

    #[test]
    fn all_is_all() {
        let mut shown = table(&["", "True figure", "What leaves"]);
        assert_eq!(add(&mut shown, &lines(), true), 0);
        let shown = text(shown, &[1]);
        assert_eq!(shown.lines().count(), 2 + lines().len() + 3, "{shown}");
        for name in ["  Theme\n    Housing", "    Asian", "    Unknown"] {
            assert!(shown.contains(name), "{shown}");
        }
    }

    #[test]
    fn how_many_are_left_out_is_said() {
        for (count, words) in [
            (0, ""),
            (1, "1 line left out: nobody. --all shows it.\n"),
            (1_234, "1,234 lines left out: nobody. --all shows them.\n"),
        ] {
            assert_eq!(left_out(count, "nobody"), words);
        }
    }
}

//! Where results and progress go: results on standard output, everything else on standard error.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

use crate::failure::Failure;

/// Prints a result. A reader that has closed the pipe has had enough, which is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let text = harmless(text);
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| match text.ends_with('\n') {
        true => Ok(()),
        false => out.write_all(b"\n"),
    });
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Failure::Output),
    }
}

/// Prints a result for programs.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&format!("{value:#}"))
}

/// Says something on standard error. Nobody reading it is no failure.
pub(crate) fn tell(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", harmless(text));
}

/// The text without characters that would command the terminal: sheets and other nodes can say anything.
fn harmless(text: &str) -> Cow<'_, str> {
    let commands = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
    match text.contains(commands) {
        // Lines as Windows ends them are plain lines.
        true => Cow::Owned(text.replace("\r\n", "\n").replace(commands, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// A table that reads well on a terminal and in a file: two spaces between columns, a rule under the titles.
pub(crate) fn table(titles: &[&str]) -> Table {
    const STYLE: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('-').junction('-'));
    let mut table = Table::new();
    table.load_style(STYLE).set_header(titles.to_vec());
    if let Some(width) = terminal_width() {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table
}

/// A table as text, with `numbers` the columns that align right.
pub(crate) fn text(mut table: Table, numbers: &[usize]) -> String {
    for (index, column) in table.column_iter_mut().enumerate() {
        // The place of a line between columns, which is not drawn, makes the second space.
        column.set_padding((0, 1));
        if numbers.contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut lines = table.trim_fmt();
    lines.push('\n');
    lines
}

fn terminal_width() -> Option<u16> {
    // A narrower terminal breaks lines better by itself.
    const LEAST: u16 = 60;
    let (terminal_size::Width(width), _) = terminal_size::terminal_size_of(io::stdout())?;
    (width >= LEAST).then_some(width)
}

/// What people see while they wait: a bar on a terminal, else plain lines where there is something new to say.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    said: String,
}

impl Progress {
    /// Progress over `total` bytes.
    pub(crate) fn bytes(total: u64) -> Progress {
        const STYLE: &str = "{msg:24!} [{bar:30}] {bytes}/{total_bytes}";
        Progress { bar: terminal(|| ProgressBar::new(total), STYLE), said: String::new() }
    }

    /// Progress that has no end known beforehand.
    pub(crate) fn open() -> Progress {
        Progress { bar: terminal(ProgressBar::new_spinner, "{spinner} {msg}"), said: String::new() }
    }

    /// Sets how far it is, and what is under way.
    pub(crate) fn at(&self, position: u64, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_position(position);
            bar.set_message(what.to_owned());
        }
    }

    /// Says how things stand; on a terminal in place, else as a line where it differs from the last.
    pub(crate) fn say(&mut self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None if self.said != what => {
                tell(what);
                what.clone_into(&mut self.said);
            }
            None => {}
        }
    }

    /// Says something that stays.
    pub(crate) fn note(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell(what)),
            None => tell(what),
        }
    }

    /// Whether this is drawn on a terminal.
    pub(crate) fn is_drawn(&self) -> bool {
        self.bar.is_some()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn terminal(make: impl FnOnce() -> ProgressBar, style: &str) -> Option<ProgressBar> {
    if !io::stderr().is_terminal() {
        return None;
    }
    let bar = make();
    bar.set_draw_target(ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(200));
    Some(bar)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_sheet_says_cannot_command_the_terminal() {
        assert_eq!(harmless("two\n\tlines"), "two\n\tlines");
        assert_eq!(harmless("two\r\nlines"), "two\nlines");
        assert_eq!(harmless("\u{1b}[2Jgone\r"), "\u{fffd}[2Jgone\u{fffd}");
    }

    #[test]
    fn tables_are_plain() {
        let mut table = table(&["What", "Figure"]);
        table.add_row(["People trained", "3,966"]);
        table.add_row(["Funding leveraged", "£1,254,382.50"]);
        assert_eq!(
            text(table, &[1]),
            "What                      Figure\n\
             ---------------------------------\n\
             People trained             3,966\n\
             Funding leveraged  £1,254,382.50\n"
        );
    }
}

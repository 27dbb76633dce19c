//! The first thing that does not fit, as people and programs read it.

use folkmoot_journal::Directory;
use folkmoot_journal::export::Misfit;
use serde_json::{Value, json};

use super::published;

/// What does not fit, where, what it means and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Finding {
    /// The file.
    pub(super) file: String,
    /// The log in words, and the entry's number in it.
    pub(super) entry: Option<(String, u64)>,
    /// The period and the code of the figure.
    pub(super) figure: Option<(String, String)>,
    /// A word for programs.
    pub(super) code: &'static str,
    /// What is wrong.
    pub(super) wrong: String,
    /// What that means.
    pub(super) meaning: &'static str,
    /// What to do.
    pub(super) remedy: &'static str,
}

/// A misfit of the logs, with the hub's name where the directory has come that far.
pub(super) fn of_logs(misfit: Misfit, directory: &Directory) -> Finding {
    let Misfit { file, place, problem } = misfit;
    Finding {
        file,
        entry: place.map(|place| (place.log.topic.words(directory), place.seq)),
        figure: None,
        code: problem.code(),
        wrong: problem.words(),
        meaning: problem.meaning(),
        remedy: problem.remedy(),
    }
}

/// A misfit of the file of figures.
pub(super) fn of_figures(code: &'static str, wrong: String, figure: Option<(String, String)>) -> Box<Finding> {
    Box::new(Finding {
        file: published::FILE.to_owned(),
        entry: None,
        figure,
        code,
        wrong,
        meaning: "the releases are in order, and the published figures are not what they add up to",
        remedy: "do not use the published figures; the releases stand: ask the Academy for a fresh export, and which of \
                 its publications has this figure",
    })
}

/// The folder has no file of figures.
pub(super) fn no_figures() -> Finding {
    *of_figures("figures_missing", format!("{} is not there", published::FILE), None)
}

impl Finding {
    /// Where it is, and what is wrong, in one line.
    pub(super) fn line(&self) -> String {
        match (&self.entry, &self.figure) {
            (Some((log, seq)), _) => format!("entry {seq} of the {log} ({}): {}", self.file, self.wrong),
            (None, Some((period, figure))) => format!("{figure}, {period} ({}): {}", self.file, self.wrong),
            (None, None) => format!("{}: {}", self.file, self.wrong),
        }
    }

    /// The finding as people read it.
    pub(super) fn text(&self) -> String {
        let mut out = format!("Does not fit\n  File           {}\n", self.file);
        if let Some((log, seq)) = &self.entry {
            out.push_str(&format!("  Entry          {seq} of the {log}\n"));
        }
        if let Some((period, figure)) = &self.figure {
            out.push_str(&format!("  Figure         {figure}, {period}\n"));
        }
        out.push_str(&format!(
            "  What is wrong  {}\n  What it means  {}\n  What to do     {}\n",
            self.wrong, self.meaning, self.remedy
        ));
        out
    }

    /// The finding as programs read it.
    pub(super) fn json(&self) -> Value {
        json!({
            "fits": false,
            "file": self.file,
            "log": self.entry.as_ref().map(|(log, _)| log),
            "entry": self.entry.as_ref().map(|(_, seq)| seq),
            "period": self.figure.as_ref().map(|(period, _)| period),
            "figure": self.figure.as_ref().map(|(_, figure)| figure),
            "problem": self.code,
            "what_is_wrong": self.wrong,
            "what_it_means": self.meaning,
            "what_to_do": self.remedy,
        })
    }
}

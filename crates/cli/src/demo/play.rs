//! What happens in the demo, in order: words for people, and the command that does it. Nothing here acts.

use std::path::Path;

use super::sample::HUBS;

/// The period that everything is released and reported for.
pub(super) const PERIOD: &str = "programme/COEP";
/// The edition that the Academy publishes.
pub(super) const EDITION: &str = "first-listening";
/// Its text.
pub(super) const EDITION_TEXT: &str = "\
# First listening

Two people, one doorstep, ten minutes.

1. Say who you are and why you came.
2. Ask what it is like to live here. Then wait.
3. Say back what you heard. Ask who else feels so.

Write down the concern, never more about the person than you need.
";

const TITLE: &str = "Warm halls by winter";
const AIM: &str = "Every hall warm and open two evenings a week by November";
const FIRST_NOTE: &str = "Alderbank: the west side is listened to; two organisers can help elsewhere on Thursdays.";
const SECOND_NOTE: &str = "Brambleworth: the hall is booked for the assembly; posters are needed.";
const THIRD_NOTE: &str = "Alderbank: we print the posters.";
const FIRST_ORGANISATION: &str = "Alderbank Tenants Union";
const SECOND_ORGANISATION: &str = "Brambleworth Bus Users";

/// A part of the play.
pub(super) enum Part {
    /// A chapter begins.
    Chapter(&'static str),
    /// Something happens.
    Step(Step),
}

/// One thing that happens.
pub(super) struct Step {
    /// What, in plain words.
    pub(super) words: String,
    /// How.
    pub(super) act: Act,
}

/// How something happens.
pub(super) enum Act {
    /// A command runs to its end.
    Run(Run),
    /// A node starts; it goes on running.
    Serve {
        /// `academy` or `hub`.
        role: &'static str,
        /// Its folder.
        data: String,
    },
    /// A node is stopped, as Ctrl-C in its terminal would.
    Stop {
        /// Its folder.
        data: String,
    },
}

/// A command, and what is done with what it says.
pub(super) struct Run {
    /// The words after `folkmoot`.
    pub(super) command: Vec<String>,
    /// The last word, where it is known only when the play is under way.
    pub(super) last: Option<Kept>,
    /// What is kept of the result for later.
    pub(super) keeps: Option<Kept>,
    /// What is shown of the result.
    pub(super) shows: Shows,
    /// The exit status with which the step is as it should be.
    pub(super) status: i32,
    /// Repeats the command until this holds.
    pub(super) until: Option<Until>,
}

/// A word that is known only when the play is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kept {
    /// The invite code that the Academy gave last.
    Invite,
    /// The id of the campaign.
    Campaign,
}

/// What is shown of what a command says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// All of its result.
    Result,
    /// All of its result, under a heading.
    Headed(&'static str),
    /// All of its result, then so many of the last lines that it says on standard error.
    ResultAndRemarks(usize),
    /// The last line of its result: what stands above was shown a step before.
    LastLine,
}

/// What has to hold before the play goes on: something was on its way to the node that is asked.
#[derive(Default)]
pub(super) struct Until {
    /// The result, as JSON, has each of these in it.
    pub(super) says: Vec<&'static str>,
    /// The node in this folder gives the very same result.
    pub(super) same_as: Option<String>,
}

impl Step {
    fn run<const N: usize>(words: impl Into<String>, command: [&str; N]) -> Step {
        let run = Run {
            command: command.map(str::to_owned).to_vec(),
            last: None,
            keeps: None,
            shows: Shows::Result,
            status: 0,
            until: None,
        };
        Step { words: words.into(), act: Act::Run(run) }
    }

    fn serve(words: impl Into<String>, role: &'static str, data: &str) -> Part {
        Part::Step(Step { words: words.into(), act: Act::Serve { role, data: data.to_owned() } })
    }

    fn stop(words: impl Into<String>, data: &str) -> Part {
        Part::Step(Step { words: words.into(), act: Act::Stop { data: data.to_owned() } })
    }

    fn with(mut self, change: impl FnOnce(&mut Run)) -> Step {
        if let Act::Run(run) = &mut self.act {
            change(run);
        }
        self
    }

    fn last(self, kept: Kept) -> Step {
        self.with(|run| run.last = Some(kept))
    }

    fn keeps(self, kept: Kept) -> Step {
        self.with(|run| run.keeps = Some(kept))
    }

    fn shows(self, shows: Shows) -> Step {
        self.with(|run| run.shows = shows)
    }

    fn status(self, status: i32) -> Step {
        self.with(|run| run.status = status)
    }

    fn until<const N: usize>(self, says: [&'static str; N]) -> Step {
        self.with(|run| run.until = Some(Until { says: says.to_vec(), same_as: None }))
    }

    fn same_as(self, data: &str) -> Step {
        self.with(|run| run.until.get_or_insert_default().same_as = Some(data.to_owned()))
    }
}

impl From<Step> for Part {
    fn from(step: Step) -> Part {
        Part::Step(step)
    }
}

/// The folders of the play.
struct Folders {
    academy: String,
    hubs: [String; HUBS.len()],
    sheets: [String; HUBS.len()],
    edition: String,
}

/// The Academy's folder under `home`.
pub(super) fn academy(home: &Path) -> String {
    within(home, "academy")
}

/// The file under `home` that holds the text of the edition.
pub(super) fn edition_file(home: &Path) -> String {
    within(home, &format!("{EDITION}.md"))
}

/// The folder under `home` that holds a hub's sheets.
pub(super) fn sheets(home: &Path, hub: &str) -> String {
    within(home, &format!("{hub}-sheets"))
}

/// A hub's folder under `home`.
pub(super) fn hub(home: &Path, hub: &str) -> String {
    within(home, hub)
}

fn within(home: &Path, name: &str) -> String {
    home.join(name).to_string_lossy().into_owned()
}

/// The whole play, up to the report.
pub(super) fn play(home: &Path) -> Vec<Part> {
    let folders = Folders {
        academy: academy(home),
        hubs: HUBS.each_ref().map(|it| hub(home, it.folder)),
        sheets: HUBS.each_ref().map(|it| sheets(home, it.folder)),
        edition: edition_file(home),
    };
    let chapters =
        [federation(&folders), curriculum(&folders), records(&folders), releases(&folders), campaign(&folders)];
    let more = [apart(&folders), without_the_academy(&folders), back(&folders)];
    chapters.into_iter().chain(more).flatten().collect()
}

fn federation(folders: &Folders) -> Vec<Part> {
    let academy = folders.academy.as_str();
    let mut parts = vec![
        Part::Chapter("A federation: the Academy and four hubs, each a process with a folder of its own"),
        Step::run(
            "The Academy makes its folder: its keys, and with them the federation.",
            ["academy", "init", "--data", academy, "--name", "National Academy", "--listen", "127.0.0.1:0"],
        )
        .into(),
        Step::serve("Its node starts.", "academy", academy),
        Step::run(
            "It registers a funding programme, by whose dates figures are added up.",
            ["academy", "programme", "add", "COEP", "--from", "2017-04-01", "--to", "2020-03-31", "--data", academy],
        )
        .into(),
    ];
    for (hub, data) in HUBS.iter().zip(&folders.hubs) {
        let name = hub.name;
        parts.extend([
            Step::run(
                format!("{name} makes its own folder. It will hold records that never leave it."),
                ["hub", "init", "--data", data, "--name", name, "--listen", "127.0.0.1:0"],
            )
            .into(),
            Step::run(
                format!("The Academy invites {name}: a code for this name, good once, for a day."),
                ["academy", "invite", "--data", academy, "--name", name],
            )
            .keeps(Kept::Invite)
            .into(),
            Step::run(format!("{name} joins with it."), ["hub", "join", "--data", data]).last(Kept::Invite).into(),
            Step::serve("Its node starts, and connects over mutual TLS.", "hub", data),
        ]);
    }
    parts
}

fn curriculum(folders: &Folders) -> Vec<Part> {
    let [first, ..] = &folders.hubs;
    let mut parts = vec![
        Part::Chapter("One curriculum for all"),
        Step::run(
            "The Academy publishes a session. An edition never changes.",
            [
                "academy",
                "publish",
                &folders.edition,
                "--title",
                "First listening",
                "--kind",
                "session",
                "--hours",
                "1.5",
                "--data",
                &folders.academy,
            ],
        )
        .into(),
    ];
    for (hub, data) in HUBS.iter().zip(&folders.hubs) {
        let step = Step::run(format!("{} has it.", hub.name), ["curriculum", "list", "--data", data]);
        parts.push(step.until([EDITION]).into());
    }
    let step = Step::run(
        "Anybody at a hub reads it there, connected or not.",
        ["curriculum", "show", EDITION, "--data", first],
    );
    parts.push(step.into());
    parts
}

fn records(folders: &Folders) -> Vec<Part> {
    let mut parts = vec![Part::Chapter("Records, which stay at their hub (all of them are invented)")];
    for ((hub, data), sheets) in HUBS.iter().zip(&folders.hubs).zip(&folders.sheets) {
        let command = ["hub", "import", "--data", data, sheets];
        parts.push(match hub.bad_rows {
            false => Step::run(format!("{} imports its spreadsheets.", hub.name), command).into(),
            true => Step::run(
                format!(
                    "{} imports its spreadsheets, which have mistakes in them. The rows at fault are listed, each with what is \
                     wrong, and kept for mending; all others are taken. Exit status 3 says so.",
                    hub.name
                ),
                command,
            )
            .status(3)
            .shows(Shows::ResultAndRemarks(2))
            .into(),
        });
    }
    parts
}

fn releases(folders: &Folders) -> Vec<Part> {
    let mut parts = vec![Part::Chapter("Releases: each hub sees what would leave it, and why, and decides")];
    for (hub, data) in HUBS.iter().zip(&folders.hubs) {
        let name = hub.name;
        let command = ["hub", "release", "--data", data, "--period", PERIOD];
        parts.extend([
            Step::run(format!("{name} looks. Nothing has left. {}", hub.words), command).into(),
            Step::run(
                format!("{name} approves exactly that."),
                ["hub", "release", "--data", data, "--period", PERIOD, "--approve"],
            )
            .shows(Shows::LastLine)
            .into(),
            Step::run(format!("{name} waits until the Academy has signed for it."), ["sync", "--data", data, "--wait"])
                .into(),
        ]);
    }
    parts
}

fn campaign(folders: &Folders) -> Vec<Part> {
    let [first, second, third, _] = &folders.hubs;
    let [lead, one, other, _] = HUBS.each_ref().map(|hub| hub.name);
    let arrived = |name: &str, data: &str| {
        let step = Step::run(format!("It has reached {name}."), ["campaign", "list", "--data", data]);
        Part::from(step.until([TITLE]))
    };
    vec![
        Part::Chapter("A campaign that three of the hubs share"),
        Step::run(
            format!("{lead} begins it with {one} and {other}."),
            ["campaign", "create", "--title", TITLE, "--member", one, "--member", other, "--data", first],
        )
        .keeps(Kept::Campaign)
        .shows(Shows::ResultAndRemarks(1))
        .into(),
        arrived(one, second),
        arrived(other, third),
    ]
}

/// Each of the two is alone while it edits: everybody else who could pass something on is stopped.
fn apart(folders: &Folders) -> Vec<Part> {
    let [first, second, third, _] = &folders.hubs;
    let [lead, one, other, _] = HUBS.each_ref().map(|hub| hub.name);
    vec![
        Part::Chapter("Two hubs edit it apart, and it comes together"),
        Step::stop(format!("{other} goes offline. It will miss all that follows."), third),
        Step::stop("The Academy stops.", &folders.academy),
        Step::stop(format!("{one} stops, so that {lead} is alone: nobody can pass anything on."), second),
        edit(format!("{lead} writes a note."), first, "--notes-append", FIRST_NOTE),
        edit(format!("{lead} signs an organisation up."), first, "--sign-up", FIRST_ORGANISATION),
        Step::stop(format!("Now {lead} stops."), first),
        Step::serve(format!("{one} starts. It is alone as well, and has heard nothing of that."), "hub", second),
        edit(format!("{one} writes a note."), second, "--notes-append", SECOND_NOTE),
        edit(format!("{one} signs an organisation up."), second, "--sign-up", SECOND_ORGANISATION),
        Step::run(
            format!("The campaign as {one} has it: its own words alone."),
            ["campaign", "show", "--data", second],
        )
        .last(Kept::Campaign)
        .into(),
        Step::serve(
            format!("{lead} starts again. The two find each other without the Academy, hub to hub."),
            "hub",
            first,
        ),
        Step::run(
            format!("The campaign as {lead} has it now: the words of both."),
            ["campaign", "show", "--data", first],
        )
        .last(Kept::Campaign)
        .until([FIRST_NOTE, FIRST_ORGANISATION, SECOND_NOTE, SECOND_ORGANISATION])
        .into(),
        Step::run(format!("And as {one} has it: the very same."), ["campaign", "show", "--data", second])
            .last(Kept::Campaign)
            .same_as(first)
            .into(),
    ]
}

fn without_the_academy(folders: &Folders) -> Vec<Part> {
    let [first, second, third, _] = &folders.hubs;
    let [lead, one, other, _] = HUBS.each_ref().map(|hub| hub.name);
    let shown = |words: String, data: &str| {
        Step::run(words, ["campaign", "show", "--data", data]).last(Kept::Campaign).until([AIM, THIRD_NOTE])
    };
    vec![
        Part::Chapter("The Academy is still stopped, and the hubs carry on between themselves"),
        edit(format!("{one} says what the campaign wants."), second, "--aim", AIM),
        edit(format!("{lead} writes another note."), first, "--notes-append", THIRD_NOTE),
        shown(format!("{one} has that note a moment later."), second).into(),
        shown(format!("{lead} has the aim, and both hold the same."), first).same_as(second).into(),
        Step::serve(format!("{other}, which missed all of it, starts again."), "hub", third),
        shown(format!("{other} has caught up, from the other two: it holds the same as they do."), third)
            .same_as(first)
            .into(),
    ]
}

fn back(folders: &Folders) -> Vec<Part> {
    let [.., fourth] = &folders.hubs;
    let [.., outside] = HUBS.each_ref().map(|hub| hub.name);
    let mut parts = vec![
        Part::Chapter("The Academy comes back, and adds up"),
        Step::serve("The Academy's node starts again.", "academy", &folders.academy),
    ];
    for (hub, data) in HUBS.iter().zip(&folders.hubs) {
        let command = ["sync", "--data", data, "--wait"];
        parts.push(Step::run(format!("{} and the Academy come into step.", hub.name), command).into());
    }
    parts.extend([
        Step::run(
            format!(
                "{outside}, which is no member, has received nothing of the campaign, and cannot tell that there is one."
            ),
            ["campaign", "list", "--data", fourth],
        )
        .into(),
        Step::run(
            "The Academy adds up what the hubs let out. What it holds are figures, never a record of a person.",
            ["academy", "report", "--data", &folders.academy, "--period", PERIOD],
        )
        .shows(Shows::Headed("National report: invented sample, 4 hubs"))
        .into(),
    ]);
    parts
}

fn edit(words: String, data: &str, flag: &str, text: &str) -> Part {
    Step::run(words, ["campaign", "edit", "--data", data, flag, text]).last(Kept::Campaign).into()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn every_command_of_the_play_is_understood() {
        for part in play(Path::new("/demo")) {
            let Part::Step(Step { words, act: Act::Run(run) }) = part else { continue };
            let last = run.last.map(|kept| match kept {
                Kept::Invite => "folkmoot1:code".to_owned(),
                Kept::Campaign => "3f2a9c".to_owned(),
            });
            let line = std::iter::once("folkmoot".to_owned()).chain(run.command).chain(last);
            if let Err(error) = Arguments::try_parse_from(line) {
                panic!("{words}: {error}");
            }
        }
    }

    #[test]
    fn nodes_run_when_they_are_asked_and_are_stopped_only_then() {
        let mut running = Vec::new();
        for part in play(Path::new("/demo")) {
            let Part::Step(Step { words, act }) = part else { continue };
            match act {
                Act::Serve { data, .. } => {
                    assert!(!running.contains(&data), "{words}");
                    running.push(data);
                }
                Act::Stop { data } => {
                    let place = running.iter().position(|it| *it == data).expect("it runs");
                    running.remove(place);
                }
                Act::Run(run) => {
                    let at = run.command.iter().position(|word| word == "--data").expect("a folder");
                    let data = &run.command[at + 1];
                    let offline = run.command[1] == "init" || run.command[1] == "join";
                    assert_ne!(running.contains(data), offline, "{words}");
                }
            }
        }
        assert_eq!(running.len(), HUBS.len() + 1, "all run in the end");
    }
}

//! The commands, as people type them. Nothing here acts; every value is checked as far as that needs no node.

mod campaign;
mod export;
mod format;
mod policy;
mod release;
mod statistics;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use folkmoot_domain::DomainError;
use folkmoot_domain::calendar::{Period, ProgrammeCode, iso, parse_date};
use folkmoot_domain::curriculum::{ItemCode, ItemKind, MINUTES_LIMIT};
use folkmoot_domain::hub::{HubKind, HubName, Stage};
use folkmoot_domain::record::Reference;

pub(crate) use self::campaign::{
    AddEntry, AppointLead, Campaign, CampaignLead, CampaignMember, CompareVersions, CountReach, CreateCampaign,
    EditCampaign, EraseHistory, History, Kind, Parts, RemoveEntry, SetPruning, SetRelay, ShowCampaign, ShowVersion,
    Switch, UndoChange, UnsentEdits, UpdateEntry,
};
pub(crate) use self::export::{ExportFolder, VerifyFolder};
pub(crate) use format::{Format, OutputFormat};
pub(crate) use policy::{Policy, SetPolicy};
pub(crate) use release::{Indicators, Release};
pub(crate) use statistics::{
    By, Chart, ChartKind, Coverage, FunderReport, Observations, Periods, ReportPeriod, Statistics,
};

/// Everything on one command line.
#[derive(Debug, Parser)]
#[command(
    name = "folkmoot",
    version,
    about = "A federated sync server for community organising",
    long_about = "A federated sync server for community organising.\n\nEvery hub runs its own node and owns its records. \
                  Of these, what a hub chooses to release, and nothing else, goes to the Academy's node, which adds it \
                  up. Hubs read one curriculum and share campaigns.\n\n\
                  A node is one folder. `init` and `join` work on the folder; `serve` runs the node; every other command \
                  talks to the running node.\n\nTry it: folkmoot demo",
    after_help = "Exit status: 0 done, 1 failed, 2 usage, 3 rows refused, 4 timed out.",
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Arguments {
    /// How to print the result: a table for people, or JSON for programs; csv, parquet and sdmx-csv are for
    /// `academy statistics` alone
    #[arg(long, global = true, value_enum, default_value_t = OutputFormat::Table)]
    pub(crate) format: OutputFormat,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Found and run the Academy's node: programmes, hubs, national figures
    #[command(subcommand)]
    Academy(Academy),
    /// Set up and run a hub's node: import records, see figures, release them
    #[command(subcommand)]
    Hub(Hub),
    /// Read the shared curriculum, on any node
    #[command(subcommand)]
    Curriculum(Curriculum),
    /// Plan together with other hubs: begin, read and edit the campaigns that this hub shares
    #[command(subcommand)]
    Campaign(Campaign),
    /// Check the national figures in an export of keys and releases, with nothing but its folder
    ///
    /// Checks every key, chain and signature, adds every national figure up anew from the releases, and compares it with
    /// the published one. Names the first entry or figure that does not fit, with exit status 1. Needs no node.
    Verify(VerifyFolder),
    /// Exchange with the Academy now
    ///
    /// Without --wait the exchange is started and the command returns. With --wait it returns once the Academy has
    /// acknowledged all that goes to it and everything it offered is held; exit status 4 says that time ran out. What a
    /// campaign made with --no-relay says goes from member to member and is not waited for.
    Sync(Sync),
    /// Say who the node is, what it last exchanged with whom, and what waits
    Status(Data),
    /// Run an Academy and four hubs on invented records, and print the national report
    ///
    /// The hubs join, import their sheets and approve a release each; three of them share a campaign, edit it apart, and go
    /// on without the Academy. Everything happens in a temporary folder (or the one given), with the very commands that you
    /// would type; each is printed before it runs. Without --exit the nodes go on running until Ctrl-C, so that you can try
    /// commands on them.
    Demo(Demo),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Academy {
    /// Found a federation: make the Academy's folder and keys
    ///
    /// The folder holds the keys of the whole federation. Keep it private and backed up.
    Init(Init),
    /// Run the Academy's node until it is told to stop
    ///
    /// Prints one line when it is ready; logs go to stderr. Ends cleanly on Ctrl-C or SIGTERM.
    Serve(Serve),
    /// Register funding programmes, and list them
    #[command(subcommand)]
    Programme(Programme),
    /// Set the disclosure policy that every hub's releases hold to, and list the policies
    #[command(subcommand)]
    Policy(Policy),
    /// Make a one-time invite code for a hub
    ///
    /// Prints the code alone. Give it to the hub privately: whoever has it can join once, under this name, within a day.
    Invite(Invite),
    /// List, change or cut off hubs
    #[command(subcommand)]
    Hub(AcademyHub),
    /// Publish an edition of a unit, session or course to every hub
    ///
    /// The first edition of an item is number 1, and each later one the next. What is published never changes: publish a
    /// further edition, or retire the item. The same text, title, kind and hours again publish nothing new.
    Publish(Publish),
    /// Retire every edition of an item that there is
    ///
    /// Nothing is deleted: every node keeps the editions and can show them. A later edition may follow.
    Retire(Retire),
    /// Appoint a hub to lead a campaign whose lead is gone
    ///
    /// Its members need one when the lead's hub has closed or contradicts itself. Every node is told of the appointment
    /// without being told of the campaign; the hub leads once it accepts.
    Appoint(AppointLead),
    #[command(flatten)]
    Statistics(Statistics),
    /// Write an export of keys and releases, with which anybody can check the national figures
    ///
    /// It holds what every member of the federation may read: the directory, the releases as hubs signed them, and the
    /// figures. `folkmoot verify FOLDER` checks it, anywhere.
    Export(ExportFolder),
    /// Add every national figure up anew from the signed releases, and name the first entry that does not fit
    ///
    /// What `folkmoot verify` does with an export, done with what the node holds now. Exit status 1 says that something does
    /// not fit.
    Verify(Data),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Programme {
    /// Register a funding programme; once registered it never changes
    Add(AddProgramme),
    /// List the funding programmes
    List(Data),
}

#[derive(Debug, Subcommand)]
pub(crate) enum AcademyHub {
    /// List the hubs, invited ones too
    List(ListHubs),
    /// Change a hub's region or stage
    Set(SetHub),
    /// Cut a hub off, for ever, within a second; what it had released stays and counts
    Revoke(NamedHub),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Hub {
    /// Make a hub's folder and keys
    ///
    /// The folder will hold records about people. Keep it private, on an encrypted disk.
    Init(Init),
    /// Join the federation with an invite code from the Academy
    ///
    /// Joining again with the same code is harmless: it recovers a lost reply.
    Join(Join),
    /// Run the hub's node until it is told to stop
    ///
    /// Prints one line when it is ready; logs go to stderr. Ends cleanly on Ctrl-C or SIGTERM.
    Serve(Serve),
    /// Import a folder of CSV files
    ///
    /// Reads people.csv, trainers.csv, sessions.csv, attendances.csv, listening_campaigns.csv, listenings.csv, actions.csv,
    /// participations.csv, projects.csv and funding.csv, as many as there are. Importing the same folder again changes
    /// nothing; a row whose ref exists and whose fields differ updates the record. Rows that cannot be taken never stop the
    /// others: they are listed, and written to FOLDER/rejected with the columns `row` and `reason` added. Mend them there,
    /// empty `reason`, and import that folder. Exit status 3 says that rows were refused.
    Import(Import),
    /// Print the hub's true figures of one period, for its own eyes
    Indicators(Indicators),
    /// Show what a release of one period would let out, approve it, hold it back, or show which ones left
    ///
    /// With --period alone this is a preview: nothing is stored. An approved release leaves at the next session with the
    /// Academy, and is never taken back. It stands, until enough has changed for a revision: one a financial year.
    Release(Release),
    /// List the Academy's disclosure policies, and what this hub's releases hold to in which periods
    ///
    /// A hub is as strict as the policy or stricter: the table [disclosure] of folkmoot.toml has its own terms.
    Policy(Data),
    /// Show what the hub holds about people
    #[command(subcommand)]
    Person(Person),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Person {
    /// Show everything that the hub holds on one person
    Show(ShowPerson),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Curriculum {
    /// List the latest edition of every item
    List(ListEditions),
    /// Print one edition: what it is, and its text as it was published
    Show(ShowEdition),
}

#[derive(Debug, Args)]
pub(crate) struct Data {
    /// The node's folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// The node's name
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) name: String,
    /// Where to listen; port 0 picks a free one now and keeps it
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: String,
    /// Where other nodes can dial this one; the listen address unless that is a wildcard such as 0.0.0.0
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) address: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// Listen here for this run, rather than where folkmoot.toml says
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) listen: Option<String>,
    /// Tell others to dial this address, for this run
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) address: Option<String>,
    /// How much to tell on stderr: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log: Option<String>,
    /// How to tell it: text or json
    #[arg(long, value_name = "FORM")]
    pub(crate) log_format: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct AddProgramme {
    /// The programme's code, such as COEP: letters, digits and hyphens
    #[arg(value_parser = programme_code)]
    pub(crate) code: String,
    /// The first day: the first of a quarter, such as 2017-04-01
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) from: String,
    /// The last day: the last of a quarter, such as 2020-03-31
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub(crate) to: String,
    /// The title; the code where not given
    #[arg(long)]
    pub(crate) title: Option<String>,
    #[command(flatten)]
    pub(crate) folder: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The text: a Markdown file in UTF-8, 65,536 bytes at most
    #[arg(value_name = "FILE")]
    pub(crate) source: PathBuf,
    /// The title
    #[arg(long)]
    pub(crate) title: String,
    /// What it is: unit, session or course
    #[arg(long, value_parser = item_kind)]
    pub(crate) kind: ItemKind,
    /// How long it takes to teach: hours, such as 2 or 1.5, or hours and minutes, such as 1:40
    #[arg(long = "hours", value_name = "HOURS", value_parser = whole_minutes)]
    pub(crate) minutes: u32,
    /// The item, such as first-listening; made of the title where not given
    ///
    /// Editions of one item replace each other. Give it where the title has changed since the edition before.
    #[arg(long, value_parser = item)]
    pub(crate) item: Option<String>,
    #[command(flatten)]
    pub(crate) folder: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// The item, as `folkmoot curriculum list` shows it
    #[arg(value_name = "ITEM", value_parser = item)]
    pub(crate) item: String,
    #[command(flatten)]
    pub(crate) folder: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Invite {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// The hub's name, which the code is bound to
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) name: String,
    /// What the hub is: social-action-hub, or national for the charity's own node
    #[arg(long, value_parser = kind, default_value = "social-action-hub")]
    pub(crate) kind: HubKind,
    /// The hub's region
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// How far along the hub is: enquiring, developing, active or closed
    #[arg(long, value_parser = stage, default_value = "active")]
    pub(crate) stage: Stage,
}

#[derive(Debug, Args)]
pub(crate) struct ListHubs {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// Only the hub of this name
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct NamedHub {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// The hub's name
    #[arg(long, value_name = "NAME", value_parser = name)]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
#[group(id = "change", required = true, multiple = true, args = ["region", "stage"])]
pub(crate) struct SetHub {
    #[command(flatten)]
    pub(crate) hub: NamedHub,
    /// The hub's region
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// How far along the hub is: enquiring, developing, active or closed
    #[arg(long, value_parser = stage)]
    pub(crate) stage: Option<Stage>,
}

#[derive(Debug, Args)]
pub(crate) struct ForPeriod {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// The period: a quarter 2018-Q3, a financial year 2018/19, or programme/COEP
    #[arg(long, value_parser = period)]
    pub(crate) period: String,
}

#[derive(Debug, Args)]
pub(crate) struct Join {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// The invite code, as the Academy gave it
    pub(crate) code: String,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// The folder that holds the CSV files
    #[arg(value_name = "FOLDER")]
    pub(crate) source: PathBuf,
    /// Say everything and write nothing
    #[arg(long, conflicts_with = "number")]
    pub(crate) dry_run: bool,
    /// Import nothing; write a copy to FOLDER/numbered in which every row has a ref
    ///
    /// For sheets without refs. Go on working with the copy: its refs are what lets a later import know a row again. The
    /// original stays as it is, and so does a copy that you have changed.
    #[arg(long)]
    pub(crate) number: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowPerson {
    /// The person's ref in the import
    #[arg(value_name = "REF", value_parser = reference)]
    pub(crate) reference: String,
    #[command(flatten)]
    pub(crate) folder: Data,
}

#[derive(Debug, Args)]
pub(crate) struct ListEditions {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// Earlier and retired editions too
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShowEdition {
    /// The item, for its latest edition, or one edition of it, such as first-listening.2
    #[arg(value_name = "ITEM[.N]", value_parser = edition)]
    pub(crate) edition: String,
    #[command(flatten)]
    pub(crate) folder: Data,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    #[command(flatten)]
    pub(crate) folder: Data,
    /// Return only when everything is acknowledged and held
    #[arg(long)]
    pub(crate) wait: bool,
    /// How many seconds to wait at most
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) timeout: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// An empty or new folder to work in, which then stays; else a temporary one
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data: Option<PathBuf>,
    /// End after the report rather than go on running until Ctrl-C
    #[arg(long)]
    pub(crate) exit: bool,
}

fn name(text: &str) -> Result<String, String> {
    text.parse::<HubName>().map(|name| name.to_string()).map_err(|error| error.to_string())
}

fn reference(text: &str) -> Result<String, String> {
    let words = "a ref has 1 to 200 characters, none of them a control character";
    Reference::new(text).map(|reference| reference.as_str().to_owned()).ok_or_else(|| words.to_owned())
}

fn period(text: &str) -> Result<String, String> {
    text.parse::<Period>().map(|period| period.to_string()).map_err(|error| error.to_string())
}

fn programme_code(text: &str) -> Result<String, String> {
    text.parse::<ProgrammeCode>().map(|code| code.to_string()).map_err(|error| error.to_string())
}

fn day(text: &str) -> Result<String, String> {
    parse_date(text).map(iso).ok_or_else(|| "no such date; write it as 2018-06-30".to_owned())
}

fn kind(text: &str) -> Result<HubKind, String> {
    text.parse().map_err(|error: DomainError| error.to_string())
}

fn stage(text: &str) -> Result<Stage, String> {
    text.parse().map_err(|error: DomainError| error.to_string())
}

fn item(text: &str) -> Result<String, String> {
    let hint = |error: DomainError| format!("{error}; `folkmoot curriculum list --all` shows those that there are");
    text.parse::<ItemCode>().map(|item| item.to_string()).map_err(hint)
}

fn item_kind(text: &str) -> Result<ItemKind, String> {
    text.to_lowercase().parse().map_err(|error: DomainError| error.to_string())
}

fn edition(text: &str) -> Result<String, String> {
    match text.split_once('.') {
        None => item(text),
        Some((code, number)) => match number.parse::<i32>() {
            Ok(number) if number >= 1 => Ok(format!("{}.{number}", item(code)?)),
            Ok(_) | Err(_) => {
                Err("no such edition; write the item and its number, such as first-listening.2".to_owned())
            }
        },
    }
}

/// Hours as people write them, in minutes.
fn whole_minutes(text: &str) -> Result<u32, String> {
    const WRONG: &str = "write hours as 2, 1.5 or 1:40";
    let number = |text: &str| match (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse::<u64>().map_err(|_| WRONG.to_owned()),
        false => Err(WRONG.to_owned()),
    };
    let minutes = if let Some((hours, rest)) = text.split_once(':') {
        match (number(hours)?, number(rest)?) {
            (hours, minutes @ 0..60) if rest.len() == 2 => hours * 60 + minutes,
            _ => return Err(WRONG.to_owned()),
        }
    } else {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let (whole, parts) = (number(whole)?, number(fraction)?);
        let scale = fraction.bytes().fold(1, |scale, _| scale * 10);
        let scaled = (whole * scale + parts) * 60;
        if !scaled.is_multiple_of(scale) {
            return Err("not a whole number of minutes; write hours and minutes, such as 1:40".to_owned());
        }
        scaled / scale
    };
    match u32::try_from(minutes) {
        Ok(minutes @ 1..=MINUTES_LIMIT) => Ok(minutes),
        Ok(_) | Err(_) => Err(DomainError::EditionMinutes.to_string()),
    }
}

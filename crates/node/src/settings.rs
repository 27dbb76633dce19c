//! `folkmoot.toml`: read whole, checked whole, every problem reported at once.

mod disclosure;
mod release;

use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::Path,
};

use folkmoot_disclosure::Terms;
use folkmoot_domain::hub::HubName;
use folkmoot_store::Role;
use toml::de::{DeTable, DeValue};

use crate::{Error, folder};

pub use release::{Approval, ReleaseSettings};

/// One thing wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line of the file, counted from 1; `None` for a flag or a missing key.
    pub line: Option<usize>,
    /// What is wrong and what to write instead.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// How much the node tells on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogLevel {
    /// Failures that need the operator.
    Error,
    /// Also what may need the operator.
    Warn,
    /// Also what happens.
    #[default]
    Info,
    /// Also why.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    const ALL: [LogLevel; 5] = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];

    /// The level's word in the settings.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }

    fn from_code(code: &str) -> Option<LogLevel> {
        Self::ALL.into_iter().find(|level| level.code() == code)
    }
}

/// The form of what the node tells on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// The format's word in the settings.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            LogFormat::Text => "text",
            LogFormat::Json => "json",
        }
    }

    fn from_code(code: &str) -> Option<LogFormat> {
        [LogFormat::Text, LogFormat::Json].into_iter().find(|format| format.code() == code)
    }
}

/// HOST:PORT where other nodes dial this one. Never a wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerAddress {
    host: String,
    port: u16,
}

impl PeerAddress {
    /// The host: a name, an IPv4 address, or an IPv6 address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Reads HOST:PORT; an IPv6 host stands in brackets.
    ///
    /// # Errors
    /// In words, for the operator.
    pub fn parse(text: &str) -> Result<PeerAddress, String> {
        let refused = || format!("`{text}` is no address; write HOST:PORT, such as academy.example.org:7400");
        let (host, port) = text.rsplit_once(':').ok_or_else(refused)?;
        let port: u16 = port.parse().ok().filter(|port| *port != 0).ok_or_else(refused)?;
        let (host, bracketed) = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            Some(host) => (host, true),
            None => (host, false),
        };
        match host.parse::<IpAddr>() {
            Ok(ip) if ip.is_unspecified() => {
                return Err(format!("`{text}` cannot be dialled: write the address that other nodes reach"));
            }
            Ok(ip) if ip.is_ipv6() == bracketed => {}
            Ok(_) => return Err(refused()),
            Err(_) if bracketed || !is_host_name(host) => return Err(refused()),
            Err(_) => {}
        }
        Ok(PeerAddress { host: host.to_owned(), port })
    }
}

fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let named = host.strip_suffix('.').unwrap_or(host);
    // A name whose last label is a number is a mistyped IPv4 address.
    let number = named.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    (1..=253).contains(&host.len()) && named.split('.').all(label) && !number
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// The settings of a node, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What the node is.
    pub role: Role,
    /// The node's name.
    pub name: HubName,
    /// Where the TLS port listens. Port 0 means any, in tests alone: `init` picks one and writes it down.
    pub listen: SocketAddr,
    /// Where other nodes dial this one; `None` where they cannot.
    pub address: Option<PeerAddress>,
    /// Where a hub dials the Academy; `join` writes it.
    pub academy: Option<PeerAddress>,
    /// How much is told on standard error.
    pub log: LogLevel,
    /// In what form.
    pub log_format: LogFormat,
    /// Who approves what a hub lets out.
    pub release: ReleaseSettings,
    /// What this hub's releases hold to at least, whatever the Academy's policy says: the floors where nothing is said.
    pub disclosure: Terms,
}

/// Flags that stand above the file for one run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// IP:PORT to listen on.
    pub listen: Option<String>,
    /// HOST:PORT that other nodes dial.
    pub address: Option<String>,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub log: Option<String>,
    /// `text` or `json`.
    pub log_format: Option<String>,
}

/// The role's word in the settings and the commands.
#[must_use]
pub fn role_code(role: Role) -> &'static str {
    match role {
        Role::Hub => "hub",
        Role::Academy => "academy",
    }
}

impl Settings {
    /// Reads the settings file of a node and puts the flags above it.
    ///
    /// # Errors
    /// With every problem of the file and of the flags.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Settings, Error> {
        let bytes = folder::read(path)?;
        let text = String::from_utf8_lossy(&bytes);
        Self::parse(&text, overrides).map_err(|problems| Error::Settings { path: path.to_owned(), problems })
    }

    /// Reads settings from text.
    ///
    /// # Errors
    /// With every problem found.
    pub(crate) fn parse(text: &str, overrides: &Overrides) -> Result<Settings, Vec<Problem>> {
        let mut reading = Reading { text, problems: Vec::new() };
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in errors {
            let line = error.span().map(|span| reading.line(span.start));
            reading.problems.push(Problem { line, what: error.message().to_owned() });
        }
        let mut given = Given::default();
        for (key, value) in table.get_ref() {
            let line = reading.line(key.span().start);
            let slot = match key.get_ref().as_ref() {
                "role" => &mut given.role,
                "name" => &mut given.name,
                "listen" => &mut given.listen,
                "address" => &mut given.address,
                "academy" => &mut given.academy,
                "log" => &mut given.log,
                "log_format" => &mut given.log_format,
                "release" => {
                    given.release = Some((line, release::read(value.get_ref(), line, &mut reading)));
                    continue;
                }
                "disclosure" => {
                    given.disclosure = Some((line, disclosure::read(value.get_ref(), line, &mut reading)));
                    continue;
                }
                unknown => {
                    let what = format!(
                        "`{unknown}` is no setting; there are role, name, listen, address, academy, log, log_format and \
                         the tables release and disclosure"
                    );
                    reading.problems.push(Problem { line: Some(line), what });
                    continue;
                }
            };
            match value.get_ref() {
                DeValue::String(text) => *slot = Some((Some(line), text.to_string())),
                DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_)
                | DeValue::Table(_) => {
                    let what = format!("`{}` is a text: write it in double quotes", key.get_ref());
                    reading.problems.push(Problem { line: Some(line), what });
                    *slot = Some((Some(line), String::new()));
                }
            }
        }
        let flag = |slot: &mut Slot, flag: &Option<String>| {
            if let Some(text) = flag {
                *slot = Some((None, text.clone()));
            }
        };
        flag(&mut given.listen, &overrides.listen);
        flag(&mut given.address, &overrides.address);
        flag(&mut given.log, &overrides.log);
        flag(&mut given.log_format, &overrides.log_format);
        given.check(reading.problems)
    }

    /// The settings file, as `init` writes it.
    pub(crate) fn to_file(&self) -> String {
        let mut file = format!(
            "# The settings of a Folkmoot node. They are read when it starts.\n\n\
             # What the node is, and its name. Both were fixed when the folder was made.\n\
             role = \"{}\"\nname = {}\n\n\
             # Where other nodes connect to.\nlisten = \"{}\"\n",
            role_code(self.role),
            toml::Value::String(self.name.to_string()),
            self.listen
        );
        match &self.address {
            Some(address) => {
                file.push_str("# HOST:PORT that other nodes dial.\n");
                file.push_str(&format!("address = \"{address}\"\n"));
            }
            None => file.push_str("# HOST:PORT that other nodes dial, where they can.\n# address = \"\"\n"),
        }
        if let Some(academy) = &self.academy {
            file.push_str(&academy_line(academy));
        }
        file.push_str(&format!(
            "\n# error, warn, info, debug or trace; text or json.\nlog = \"{}\"\nlog_format = \"{}\"\n",
            self.log.code(),
            self.log_format.code()
        ));
        if self.role == Role::Hub {
            file.push_str(&self.release.to_file());
            file.push_str(&disclosure::to_file(&self.disclosure));
        }
        file
    }
}

fn academy_line(academy: &PeerAddress) -> String {
    format!("# HOST:PORT where this hub dials the Academy.\nacademy = \"{academy}\"\n")
}

/// The settings file with another address of the Academy, all else as the operator left it.
pub(crate) fn with_academy(file: &str, academy: &PeerAddress) -> String {
    let table = DeTable::parse(file);
    let old = table.ok().and_then(|table| table.get_ref().get("academy").map(toml::Spanned::span));
    match old {
        Some(span) => {
            let mut file = file.to_owned();
            file.replace_range(span, &format!("\"{academy}\""));
            file
        }
        // First, where no table's header could swallow it.
        None => format!("{}\n{file}", academy_line(academy)),
    }
}

type Slot = Option<(Option<usize>, String)>;

#[derive(Default)]
struct Given {
    role: Slot,
    name: Slot,
    listen: Slot,
    address: Slot,
    academy: Slot,
    log: Slot,
    log_format: Slot,
    release: Option<(usize, ReleaseSettings)>,
    disclosure: Option<(usize, Terms)>,
}

impl Given {
    fn check(self, mut problems: Vec<Problem>) -> Result<Settings, Vec<Problem>> {
        // A value already reported as no text is left alone here.
        let empty_reported = |problems: &[Problem], line: Option<usize>, text: &str| {
            text.is_empty() && line.is_some() && problems.iter().any(|problem| problem.line == line)
        };
        fn take<T>(
            problems: &mut Vec<Problem>,
            slot: Slot,
            skip: impl Fn(&[Problem], Option<usize>, &str) -> bool,
            parse: impl Fn(&str) -> Result<T, String>,
        ) -> Option<T> {
            let (line, text) = slot?;
            match parse(&text) {
                Ok(value) => Some(value),
                Err(_) if skip(problems, line, &text) => None,
                Err(what) => {
                    problems.push(Problem { line, what });
                    None
                }
            }
        }
        for (slot, key) in [(&self.role, "role"), (&self.name, "name"), (&self.listen, "listen")] {
            if slot.is_none() {
                problems.push(Problem { line: None, what: format!("`{key}` is missing") });
            }
        }
        let role = take(&mut problems, self.role, empty_reported, |text| match text {
            "hub" => Ok(Role::Hub),
            "academy" => Ok(Role::Academy),
            other => Err(format!("`{other}` is no role; write hub or academy")),
        });
        let name = take(&mut problems, self.name, empty_reported, parse_name);
        let listen = take(&mut problems, self.listen, empty_reported, parse_listen);
        let no_address = self.address.is_none();
        let address = take(&mut problems, self.address, empty_reported, PeerAddress::parse);
        let academy_line = self.academy.as_ref().and_then(|(line, _)| *line);
        let academy = take(&mut problems, self.academy, empty_reported, PeerAddress::parse);
        let log = take(&mut problems, self.log, empty_reported, |text| {
            LogLevel::from_code(text)
                .ok_or_else(|| format!("`{text}` is no log level; write error, warn, info, debug or trace"))
        });
        let log_format = take(&mut problems, self.log_format, empty_reported, |text| {
            LogFormat::from_code(text).ok_or_else(|| format!("`{text}` is no log format; write text or json"))
        });
        if role == Some(Role::Academy) && no_address {
            let what = "`address` is missing: invite codes carry it, and hubs dial it".to_owned();
            problems.push(Problem { line: None, what });
        }
        if role == Some(Role::Academy) && academy.is_some() {
            let what = "`academy` is for hubs: it says where they dial the Academy".to_owned();
            problems.push(Problem { line: academy_line, what });
        }
        if let (Some(Role::Academy), Some((line, _))) = (role, &self.release) {
            let what = "`release` is for hubs: it says who approves what a hub lets out".to_owned();
            problems.push(Problem { line: Some(*line), what });
        }
        if let (Some(Role::Academy), Some((line, _))) = (role, &self.disclosure) {
            let what = "`disclosure` is for hubs; the Academy sets a policy: folkmoot academy policy set".to_owned();
            problems.push(Problem { line: Some(*line), what });
        }
        problems.sort_by_key(|problem| (problem.line.is_none(), problem.line));
        match (role, name, listen) {
            (Some(role), Some(name), Some(listen)) if problems.is_empty() => Ok(Settings {
                role,
                name,
                listen,
                address,
                academy,
                log: log.unwrap_or_default(),
                log_format: log_format.unwrap_or_default(),
                release: self.release.map(|(_, release)| release).unwrap_or_default(),
                disclosure: self.disclosure.map_or(Terms::FLOOR, |(_, terms)| terms),
            }),
            _ => Err(problems),
        }
    }
}

pub(crate) fn parse_name(text: &str) -> Result<HubName, String> {
    text.parse().map_err(|error| format!("`name`: {error}"))
}

pub(crate) fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("`{text}` cannot be listened on; write IP:PORT, such as 127.0.0.1:7400"))
}

struct Reading<'a> {
    text: &'a str,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn line(&self, byte: usize) -> usize {
        1 + self.text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
    }
}

/// The problems as the operator reads them, one a line.
pub(crate) fn list(path: &Path, problems: &[Problem]) -> String {
    let mut text = format!("the settings in {} do not hold:", path.display());
    for problem in problems {
        text.push_str("\n  ");
        text.push_str(&problem.to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACADEMY: &str = "role = \"academy\"\nname = \"National Academy\"\nlisten = \"127.0.0.1:7400\"\n\
                           address = \"academy.example.org:7400\"\n";

    fn check(text: &str, overrides: Overrides, expected: &[&str]) {
        let problems = Settings::parse(text, &overrides).expect_err("problems");
        let words: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(words.len(), expected.len(), "{words:#?}");
        for (words, expected) in words.iter().zip(expected) {
            assert!(words.contains(expected), "{words} does not say {expected}");
        }
    }

    #[test]
    fn good_settings_are_read_and_written_back() {
        let settings = Settings::parse(ACADEMY, &Overrides::default()).expect("good settings");
        assert_eq!(settings.log, LogLevel::Info);
        assert_eq!(settings.address.as_ref().map(ToString::to_string).as_deref(), Some("academy.example.org:7400"));
        assert_eq!(Settings::parse(&settings.to_file(), &Overrides::default()), Ok(settings));
    }

    #[test]
    fn a_name_with_quotes_survives_the_file() {
        let mut settings = Settings::parse(ACADEMY, &Overrides::default()).expect("good settings");
        settings.name = "The \"Hub\" \\ Café".parse().expect("a name");
        settings.role = Role::Hub;
        settings.address = None;
        settings.academy = PeerAddress::parse("[::1]:7400").ok();
        assert_eq!(Settings::parse(&settings.to_file(), &Overrides::default()), Ok(settings));
    }

    #[test]
    fn every_problem_is_told_at_once() {
        check(
            "role = \"hubb\"\nlisten = 7400\naddress = \"0.0.0.0:7400\"\nprot = \"x\"\nlog = \"loud\"\n",
            Overrides { log_format: Some("yaml".into()), ..Overrides::default() },
            &[
                "line 1: `hubb` is no role",
                "line 2: `listen` is a text",
                "line 3: `0.0.0.0:7400` cannot be dialled",
                "line 4: `prot` is no setting",
                "line 5: `loud` is no log level",
                "`name` is missing",
                "`yaml` is no log format",
            ],
        );
    }

    #[test]
    fn an_academy_needs_an_address() {
        let text = ACADEMY.lines().take(3).collect::<Vec<_>>().join("\n");
        check(&text, Overrides::default(), &["`address` is missing"]);
        let loud = Overrides { log: Some("loud".into()), ..Overrides::default() };
        check(&text, loud, &["`loud` is no log level", "`address` is missing"]);
    }

    #[test]
    fn the_address_of_the_academy_is_put_in_and_replaced_and_the_rest_is_left() {
        let file = "role = \"hub\" # mine\nname = \"Warminster\"\nlisten = \"127.0.0.1:1\"\n";
        let mut text = file.to_owned();
        for address in ["127.0.0.1:7400", "academy.example.org:7400"] {
            text = with_academy(&text, &PeerAddress::parse(address).expect("an address"));
            assert!(text.ends_with(file), "{text}");
            let settings = Settings::parse(&text, &Overrides::default()).expect("good settings");
            assert_eq!(settings.academy.map(|academy| academy.to_string()).as_deref(), Some(address));
        }
        assert_eq!(text.matches("academy =").count(), 1);
    }

    #[test]
    fn flags_stand_above_the_file() {
        let overrides = Overrides { listen: Some("127.0.0.1:9000".into()), ..Overrides::default() };
        let settings = Settings::parse(ACADEMY, &overrides).expect("good settings");
        assert_eq!(settings.listen.port(), 9000);
    }

    #[test]
    fn addresses() {
        for (text, good) in [
            ("academy.example.org:7400", true),
            ("127.0.0.1:1", true),
            ("[::1]:7400", true),
            ("localhost:7400", true),
            ("0.0.0.0:7400", false),
            ("[::]:7400", false),
            ("::1:7400", false),
            ("[127.0.0.1]:7400", false),
            ("300.1.1.1:7400", false),
            ("host", false),
            ("host:0", false),
            ("host:70000", false),
            ("ho st:1", false),
            (":7400", false),
            ("-x:7400", false),
        ] {
            let read = PeerAddress::parse(text);
            assert_eq!(read.is_ok(), good, "{text}: {read:?}");
            if let Ok(address) = read {
                assert_eq!(address.to_string(), text);
            }
        }
    }
}

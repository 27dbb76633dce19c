//! The shared curriculum: the Academy publishes and retires, any node lists and shows.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::Path;

use folkmoot_domain::curriculum::{ItemKind, TEXT_LIMIT};
use folkmoot_node::generated::academy::curriculum_service_client::CurriculumServiceClient as PublishingClient;
use folkmoot_node::generated::node::curriculum_service_client::CurriculumServiceClient;
use folkmoot_proto::academy::v1::{PublishEditionRequest, RetireItemRequest};
use folkmoot_proto::node::v1::edition::Kind;
use folkmoot_proto::node::v1::{Edition, GetEditionRequest, ListEditionsRequest};
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

use crate::arguments::{Curriculum, Format, ListEditions, Publish, Retire, ShowEdition};
use crate::connection;
use crate::failure::Failure;
use crate::figures::count;
use crate::output::{print, print_json, table, text};
use crate::shell;
use crate::times;

const PAGE: i32 = 1000;
/// What a person types where the node names a field.
const TYPED: [(&str, &str); 3] =
    [("edition.item", "--item"), ("edition.title", "--title"), ("edition.text", "the text")];
/// Some editors begin a file with it; it is no part of the text.
const MARK: &[u8] = b"\xef\xbb\xbf";

pub(crate) async fn publish(arguments: Publish, format: Format) -> Result<(), Failure> {
    let text = read(&arguments.source)?;
    let data = &arguments.folder.data;
    let channel = connection::academy(data).await?;
    let mut edition = Edition {
        item: arguments.item.unwrap_or_default(),
        title: arguments.title,
        minutes: arguments.minutes.try_into().unwrap_or(i32::MAX),
        text,
        ..Edition::default()
    };
    edition.set_kind(wire_kind(arguments.kind));
    let request = PublishEditionRequest { edition: Some(edition) };
    let before = editions(channel.clone(), true).await?;
    let published = PublishingClient::new(channel).publish_edition(request).await;
    let edition = published.map_err(|status| Failure::from(status).calling(&TYPED))?.into_inner();
    match format {
        Format::Json => print_json(&edition_json(&edition)),
        Format::Table => print(&format!(
            "{}\nShow it: folkmoot curriculum show {} --data {}",
            published_text(&edition, &before),
            id(&edition),
            shell::path(data)
        )),
    }
}

pub(crate) async fn retire(arguments: Retire, format: Format) -> Result<(), Failure> {
    let channel = connection::academy(&arguments.folder.data).await?;
    let request = RetireItemRequest { name: format!("items/{}", arguments.item) };
    let editions = PublishingClient::new(channel).retire_item(request).await?.into_inner().editions;
    match format {
        Format::Json => print_json(&json!({ "editions": editions.iter().map(edition_json).collect::<Vec<_>>() })),
        Format::Table => print(&format!(
            "{}: {} retired. Nothing is deleted, and a later edition may follow.",
            arguments.item,
            match editions.len() {
                1 => "1 edition is".to_owned(),
                editions => format!("{} editions are", count(editions as u64)),
            }
        )),
    }
}

pub(crate) async fn run(command: Curriculum, format: Format) -> Result<(), Failure> {
    match command {
        Curriculum::List(arguments) => list(arguments, format).await,
        Curriculum::Show(arguments) => show(arguments, format).await,
    }
}

/// What was published, which is nothing new where the edition was among those `before`.
fn published_text(edition: &Edition, before: &[Edition]) -> String {
    let Edition { item, title, edition: number, .. } = edition;
    match before.iter().any(|earlier| id(earlier) == id(edition)) {
        true => format!(
            "Nothing new is published: edition {number} of {item} ({title}) has this very text, title, kind and hours."
        ),
        false => format!(
            "Edition {number} of {item} ({title}) is published, and never changes. Hubs receive it when they connect."
        ),
    }
}

/// The latest edition of every item, or all that there are, in the node's order.
async fn editions(channel: Channel, all: bool) -> Result<Vec<Edition>, Failure> {
    let mut client = CurriculumServiceClient::new(channel);
    let mut editions = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = client.list_editions(ListEditionsRequest { page_size: PAGE, page_token, all }).await?.into_inner();
        editions.extend(page.editions);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(editions);
        }
    }
}

async fn list(arguments: ListEditions, format: Format) -> Result<(), Failure> {
    let editions = editions(connection::any_node(&arguments.folder.data).await?, arguments.all).await?;
    match format {
        Format::Json => print_json(&json!({ "editions": editions.iter().map(edition_json).collect::<Vec<_>>() })),
        Format::Table if editions.is_empty() => print(match arguments.all {
            true => "No edition here yet. The Academy publishes them, and a hub receives them when it connects.",
            false => {
                "No current edition here. The Academy publishes them, and a hub receives them when it connects. \
                 --all lists earlier and retired ones too."
            }
        }),
        Format::Table => {
            let mut lines = table(&["Item", "Edition", "Title", "Kind", "Takes", "Published", ""]);
            for edition in &editions {
                lines.add_row([
                    edition.item.clone(),
                    edition.edition.to_string(),
                    edition.title.clone(),
                    kind_title(edition.kind()).to_owned(),
                    duration(edition.minutes),
                    times::words(edition.publish_time),
                    if edition.retired { "retired".to_owned() } else { String::new() },
                ]);
            }
            print(&text(lines, &[1]))
        }
    }
}

async fn show(arguments: ShowEdition, format: Format) -> Result<(), Failure> {
    let data = &arguments.folder.data;
    let channel = connection::any_node(data).await?;
    let request = GetEditionRequest { name: format!("editions/{}", arguments.edition) };
    let edition = match CurriculumServiceClient::new(channel.clone()).get_edition(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) if status.code() == Code::NotFound => {
            let instead = instead(&editions(channel, true).await?, &arguments.edition, &shell::path(data));
            return Err(instead.map_or_else(|| status.into(), Failure::Told));
        }
        Err(status) => return Err(status.into()),
    };
    match format {
        Format::Json => {
            let mut value = edition_json(&edition);
            value["text"] = Value::from(edition.text);
            print_json(&value)
        }
        Format::Table => print(&edition_text(&edition)),
    }
}

/// What can be shown of an item instead of the edition that was asked for and is not there; nothing of an item that is
/// not here at all. `data` is the node's folder, as a shell takes it.
fn instead(editions: &[Edition], asked: &str, data: &str) -> Option<String> {
    let (item, number) = asked.split_once('.').map_or((asked, None), |(item, number)| (item, Some(number)));
    let latest = editions.iter().filter(|edition| edition.item == item).max_by_key(|edition| edition.edition)?;
    let show = format!("folkmoot curriculum show {} --data {data}", id(latest));
    Some(match number {
        None => format!("{item} is retired, and its editions are kept. To show the latest of them: {show}"),
        Some(number) => format!(
            "{item} has no edition {number} here, and a hub learns of new ones when it syncs. To show the latest: {show}"
        ),
    })
}

/// Reads the text to publish, whole, without a byte order mark.
fn read(path: &Path) -> Result<String, Failure> {
    let wrong = |what: String| Failure::Told(format!("{} {what}", path.display()));
    let file = File::open(path).map_err(|error| match error.kind() == ErrorKind::NotFound {
        true => wrong("does not exist: give the Markdown file that holds the text".to_owned()),
        false => Failure::file("open", path)(error),
    })?;
    if file.metadata().map_err(Failure::file("read", path))?.is_dir() {
        return Err(wrong("is a folder: give the Markdown file that holds the text".to_owned()));
    }
    let mut bytes = Vec::new();
    // One byte more than fits shows that it is too large, however large it is.
    let most = (TEXT_LIMIT + MARK.len() + 1) as u64;
    file.take(most).read_to_end(&mut bytes).map_err(Failure::file("read", path))?;
    let bytes = bytes.strip_prefix(MARK).unwrap_or(&bytes);
    if bytes.len() > TEXT_LIMIT {
        let limit = count(TEXT_LIMIT as u64);
        return Err(wrong(format!("is too large: a text has {limit} bytes at most; divide it into several items")));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) if text.trim().is_empty() => Err(wrong("is empty: write the text into it first".to_owned())),
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(wrong(format!("is not UTF-8 (line {line}): save it as plain text with the encoding UTF-8")))
        }
    }
}

/// An edition as people read it: a heading, then the text as it is.
fn edition_text(edition: &Edition) -> String {
    let retired = if edition.retired { " Retired." } else { "" };
    let published = match times::words(edition.publish_time).as_str() {
        "" => String::new(),
        time => format!(", published {time}"),
    };
    let (kind, takes) = (kind_title(edition.kind()), duration(edition.minutes));
    let facts = format!("{kind}, {takes}. Edition {} of {}{published}.{retired}", edition.edition, edition.item);
    format!("{}\n{facts}\n\n{}", edition.title, edition.text)
}

fn edition_json(edition: &Edition) -> Value {
    json!({
        "id": id(edition),
        "item": edition.item,
        "edition": edition.edition,
        "title": edition.title,
        "kind": match edition.kind() {
            Kind::Unspecified => Value::Null,
            Kind::Unit => Value::from(ItemKind::Unit.code()),
            Kind::Session => Value::from(ItemKind::Session.code()),
            Kind::Course => Value::from(ItemKind::Course.code()),
        },
        "minutes": edition.minutes,
        "retired": edition.retired,
        "published": times::json(edition.publish_time),
    })
}

/// What `curriculum show` takes: the item and the number.
fn id(edition: &Edition) -> String {
    format!("{}.{}", edition.item, edition.edition)
}

fn wire_kind(kind: ItemKind) -> Kind {
    match kind {
        ItemKind::Unit => Kind::Unit,
        ItemKind::Session => Kind::Session,
        ItemKind::Course => Kind::Course,
    }
}

fn kind_title(kind: Kind) -> &'static str {
    match kind {
        Kind::Unspecified => "Item",
        Kind::Unit => "Unit",
        Kind::Session => "Session",
        Kind::Course => "Course",
    }
}

/// How long it takes to teach, such as `1.5 hours`.
fn duration(minutes: i32) -> String {
    match (minutes / 60, minutes % 60) {
        (0, 1) => "1 minute".to_owned(),
        (0, minutes) => format!("{minutes} minutes"),
        (1, 0) => "1 hour".to_owned(),
        (hours, 0) => format!("{hours} hours"),
        (hours, 30) => format!("{hours}.5 hours"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_that_cannot_be_published_is_refused_in_words() {
        let home = tempfile::tempdir().expect("a folder");
        for (content, expected) in [
            (b"".to_vec(), "is empty"),
            (b"\xef\xbb\xbf \r\n".to_vec(), "is empty"),
            (vec![b'x'; TEXT_LIMIT + 1], "is too large: a text has 65,536 bytes at most"),
            (b"# One\n\nTwo\n\xa3 3\n".to_vec(), "is not UTF-8 (line 4): save it as plain text"),
        ] {
            let path = home.path().join("text.md");
            fs::write(&path, content).expect("a file");
            let failure = read(&path).expect_err("no text");
            assert!(failure.to_string().contains(expected), "{failure}");
            assert_eq!(failure.exit_status(), 1);
        }
        let nowhere = read(&home.path().join("nowhere.md")).expect_err("no file");
        assert!(nowhere.to_string().contains("does not exist: give the Markdown file"), "{nowhere}");
        let folder = read(home.path()).expect_err("no file");
        assert!(folder.to_string().contains("is a folder"), "{folder}");
    }

    #[test]
    fn a_text_is_read_as_it_is_without_the_mark_of_an_editor() {
        let home = tempfile::tempdir().expect("a folder");
        let path = home.path().join("text.md");
        let longest = "é".repeat(TEXT_LIMIT / 2);
        for (content, expected) in
            [("\u{feff}# Power\r\n".to_owned(), "# Power\r\n"), (format!("\u{feff}{longest}"), &longest)]
        {
            fs::write(&path, content).expect("a file");
            assert_eq!(read(&path).expect("a text"), expected);
        }
    }

    fn numbered(item: &str, edition: i32) -> Edition {
        Edition { item: item.into(), title: "First listening".into(), edition, ..Edition::default() }
    }

    #[test]
    fn what_was_published_already_is_not_said_to_be_new() {
        let before = [numbered("first-listening", 1), numbered("power", 1)];
        for (edition, expected) in [
            (1, "Nothing new is published: edition 1 of first-listening (First listening) has this very text"),
            (2, "Edition 2 of first-listening (First listening) is published, and never changes."),
        ] {
            let text = published_text(&numbered("first-listening", edition), &before);
            assert!(text.starts_with(expected), "{text}");
        }
    }

    #[test]
    fn who_asks_for_an_edition_that_is_not_there_is_told_what_is() {
        let editions = [numbered("first-listening", 1), numbered("first-listening", 2), numbered("power", 9)];
        let show = "folkmoot curriculum show first-listening.2 --data 'my hub'";
        for (asked, expected) in [
            ("first-listening", Some("first-listening is retired, and its editions are kept.")),
            ("first-listening.7", Some("first-listening has no edition 7 here")),
            ("first", None),
            ("first.1", None),
        ] {
            match (instead(&editions, asked, "'my hub'"), expected) {
                (Some(text), Some(expected)) => assert!(text.starts_with(expected) && text.ends_with(show), "{text}"),
                (None, None) => {}
                (text, expected) => panic!("{asked}: {text:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn how_long_it_takes_is_said_in_hours() {
        for (minutes, expected) in [
            (1, "1 minute"),
            (45, "45 minutes"),
            (60, "1 hour"),
            (90, "1.5 hours"),
            (100, "1 h 40 min"),
            (120, "2 hours"),
            (100_000, "1666 h 40 min"),
        ] {
            assert_eq!(duration(minutes), expected);
        }
    }

    #[test]
    fn an_edition_is_shown_under_a_heading() {
        let mut edition = Edition {
            item: "first-listening".into(),
            edition: 2,
            title: "First listening".into(),
            minutes: 90,
            text: "# Listening\n\nAsk.\n".into(),
            retired: true,
            ..Edition::default()
        };
        edition.set_kind(Kind::Session);
        assert_eq!(
            edition_text(&edition),
            "First listening\nSession, 1.5 hours. Edition 2 of first-listening. Retired.\n\n\
             # Listening\n\nAsk.\n"
        );
        assert_eq!(
            edition_json(&edition),
            json!({
                "id": "first-listening.2",
                "item": "first-listening",
                "edition": 2,
                "title": "First listening",
                "kind": "session",
                "minutes": 90,
                "retired": true,
                "published": null,
            })
        );
    }
}

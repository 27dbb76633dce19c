//! CSV, JSON, Parquet and SDMX-CSV, read back.

use std::collections::BTreeMap;

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::record::Field;
use csv_core::{ReadRecordResult, Reader};
use folkmoot_domain::Date;
use folkmoot_domain::calendar::iso;
use serde_json::Value;

use super::sample::{AWKWARD, HUBS, statistics};
use super::*;

/// The records of a CSV file as its reader has them, by the names of its header.
fn records(bytes: &[u8]) -> Vec<BTreeMap<String, String>> {
    assert!(bytes.is_ascii() || std::str::from_utf8(bytes).is_ok());
    assert!(bytes.ends_with(b"\r\n"));
    let (mut reader, mut input) = (Reader::new(), bytes);
    let (mut output, mut ends) = (vec![0; 1 << 16], vec![0; 64]);
    let mut rows: Vec<Vec<String>> = Vec::new();
    loop {
        let (result, read, written, fields) = reader.read_record(input, &mut output, &mut ends);
        input = &input[read..];
        match result {
            ReadRecordResult::Record => {
                let mut from = 0;
                let row = ends[..fields].iter().map(|end| {
                    let field = String::from_utf8(output[from..*end].to_vec()).expect("UTF-8");
                    from = *end;
                    field
                });
                rows.push(row.collect());
                assert!(written <= output.len());
            }
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::End => break,
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => panic!("a record that is too long"),
        }
    }
    let header = rows.remove(0);
    rows.into_iter()
        .map(|row| {
            assert_eq!(row.len(), header.len(), "{row:?}");
            header.iter().cloned().zip(row).collect()
        })
        .collect()
}

/// The record of an area and an indicator in the whole programme.
fn of_programme<'a>(
    records: &'a [BTreeMap<String, String>],
    area: &str,
    indicator: &str,
) -> &'a BTreeMap<String, String> {
    let is_it = |record: &&BTreeMap<String, String>| {
        record["period"] == "programme/COEP"
            && record["area"] == area
            && record["indicator"] == indicator
            && record["category"] == "total"
    };
    records.iter().find(is_it).expect("a record")
}

fn fields<'a>(record: &'a BTreeMap<String, String>, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| record[*name].as_str()).collect()
}

#[test]
fn tidy_csv_has_one_observation_a_row() {
    let bytes = file(Format::TidyCsv, "observations.csv");
    let records = records(&bytes);
    assert_eq!(records.len(), statistics().observations.len());
    let names = ["value", "status", "precision", "low", "high"];
    for (area, expected) in [
        (HUBS[0].0, ["240", "", "exact", "240", "240"]),
        (HUBS[2].0, ["45", "", "rounded", "43", "47"]),
        (HUBS[3].0, ["", "[c]", "hidden", "0", "7"]),
        (HUBS[4].0, ["", "[c]", "hidden", "0", ""]),
        (HUBS[5].0, ["", "[c]", "interval", "200", "260"]),
        (HUBS[7].0, ["", "[x]", "not available", "", ""]),
        ("All hubs", ["", "[c]", "interval", "1890", "1941"]),
    ] {
        assert_eq!(fields(of_programme(&records, area, "people_trained"), &names), expected, "{area}");
    }
    // Money stays in pence, and says so.
    let money = of_programme(&records, HUBS[0].0, "funding_leveraged_pence");
    assert_eq!(fields(money, &["value", "unit"]), ["36244080", "pence"]);
    let first = &records[0];
    let names = ["period", "first_day", "last_day", "area_type", "dimension", "category", "category_title"];
    assert_eq!(fields(first, &names), ["2018-Q2", "2018-04-01", "2018-06-30", "nation", "total", "total", "Total"]);
    for record in &records {
        // A status says why there is no value, and never stands beside one.
        assert_eq!(record["value"].is_empty(), !record["status"].is_empty());
        assert!(record.keys().all(|name| name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')));
    }
}

#[test]
fn a_name_that_is_a_formula_is_kept_and_guarded() {
    for (name, column) in [("observations.csv", "area"), ("releases.csv", "hub"), ("coverage.csv", "hub")] {
        let records = records(&file(Format::TidyCsv, name));
        assert!(records.iter().any(|record| record[column] == format!("'{AWKWARD}")), "{name}");
        assert!(records.iter().all(|record| !record[column].starts_with('=')), "{name}");
    }
    let document: Value = serde_json::from_slice(&file(Format::Json, "statistics.json")).expect("JSON");
    let observations = document["observations"].as_array().expect("observations");
    assert!(observations.iter().any(|observation| observation["area"]["name"] == AWKWARD));
}

#[test]
fn the_metadata_describes_the_tables_as_they_are() {
    let metadata: Value = serde_json::from_slice(&file(Format::TidyCsv, "csv-metadata.json")).expect("JSON");
    let tables = metadata["tables"].as_array().expect("tables");
    assert_eq!(tables.len(), 4);
    for table in tables {
        let url = table["url"].as_str().expect("a name");
        let text = text(Format::TidyCsv, url);
        let described: Vec<&str> = table["tableSchema"]["columns"]
            .as_array()
            .expect("columns")
            .iter()
            .map(|column| column["name"].as_str().expect("a name"))
            .collect();
        assert_eq!(text.lines().next(), Some(described.join(",").as_str()), "{url}");
    }
}

#[test]
fn json_has_everything_in_a_fixed_order() {
    let document: Value = serde_json::from_slice(&file(Format::Json, "statistics.json")).expect("JSON");
    let keys: Vec<&String> = document.as_object().expect("an object").keys().collect();
    assert_eq!(keys, ["title", "provenance", "indicators", "observations", "coverage", "declared_figures"]);
    let statistics = statistics();
    for (key, length) in [
        ("indicators", statistics.indicators.len()),
        ("observations", statistics.observations.len()),
        ("coverage", statistics.coverage.len()),
        ("declared_figures", statistics.declared.len()),
    ] {
        assert_eq!(document[key].as_array().map(Vec::len), Some(length), "{key}");
    }
    assert_eq!(document["provenance"]["releases"].as_array().map(Vec::len), Some(statistics.releases.len()));
    assert_eq!(document["provenance"]["policies"][0]["threshold"], 8);
    let first = &document["observations"][0];
    assert_eq!((&first["value"], &first["status"]), (&Value::from(212), &Value::from("")));
    assert_eq!(first["breakdown"], Value::Null);
    let missing = &document["observations"][3];
    assert_eq!((&missing["value"], &missing["status"], &missing["low"]), (&Value::Null, &"[x]".into(), &Value::Null));
}

#[test]
fn parquet_is_read_back_as_tidy_csv_is() {
    let reader = SerializedFileReader::new(bytes::Bytes::from(file(Format::Parquet, "observations.parquet")))
        .expect("a Parquet file");
    let metadata = reader.metadata().file_metadata();
    assert_eq!(metadata.created_by(), Some("folkmoot"));
    let pairs = metadata.key_value_metadata().expect("metadata");
    let value = |key: &str| pairs.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
    let provenance: Value = serde_json::from_str(&value("folkmoot.provenance").expect("provenance")).expect("JSON");
    assert_eq!(provenance["releases"].as_array().map(Vec::len), Some(statistics().releases.len()));

    let as_text = |field: &Field| {
        if let Field::Str(text) = field {
            return text.clone();
        }
        if let Field::ULong(number) = field {
            return number.to_string();
        }
        if let Field::Date(days) = field {
            return iso(Date::from_julian_day(days + 2_440_588).expect("a day"));
        }
        assert_eq!(*field, Field::Null, "no such type in the schema");
        String::new()
    };
    let rows: Vec<BTreeMap<String, String>> = reader
        .get_row_iter(None)
        .expect("rows")
        .map(|row| {
            let row = row.expect("a row");
            row.get_column_iter().map(|(name, field)| (name.clone(), as_text(field))).collect()
        })
        .collect();
    let mut tidy = records(&file(Format::TidyCsv, "observations.csv"));
    for record in &mut tidy {
        // Only spreadsheets need the guard.
        if record["area"] == format!("'{AWKWARD}") {
            record.insert("area".to_owned(), AWKWARD.to_owned());
        }
    }
    assert_eq!(rows, tidy);
}

#[test]
fn sdmx_csv_has_codes_and_periods_of_sdmx() {
    let text = text(Format::SdmxCsv, "observations.sdmx.csv");
    let header: Vec<&str> = text.lines().next().expect("a header").split(',').collect();
    assert_eq!(header[..3], ["STRUCTURE[;]", "STRUCTURE_ID", "ACTION"]);
    let records = records(text.as_bytes());
    assert_eq!(records.len(), statistics().observations.len());
    let find = |area: &str, period: &str| {
        records
            .iter()
            .find(|record| {
                record["REF_AREA"] == area
                    && record["TIME_PERIOD"] == period
                    && record["INDICATOR"] == "PEOPLE_TRAINED"
                    && record["CATEGORY"] == "TOTAL"
            })
            .unwrap_or_else(|| panic!("no {area} in {period}"))
    };
    let names = ["FREQ", "OBS_VALUE", "OBS_LOW", "OBS_HIGH", "OBS_STATUS", "CONF_STATUS", "POLICY_VERSION[]"];
    for (area, period, expected) in [
        ("NATION", "2018-Q2", ["Q", "212", "212", "212", "A", "F", "1"]),
        ("NATION", "2019-Q1", ["Q", "", "", "", "O", "F", "1"]),
        ("NATION", "2018-04-01/P1Y", ["A", "901", "901", "901", "A", "F", ""]),
        ("NATION", "2018-04-01/P2Y", ["_O", "", "1890", "1941", "Q", "C", "1"]),
        ("HUB-Leeds_Lincoln_Green", "2018-04-01/P2Y", ["_O", "45", "43", "47", "A", "F", "1"]),
        ("HUB-Sheffield_Firth_Park", "2018-04-01/P2Y", ["_O", "", "0", "7", "Q", "C", "1"]),
        ("REGION-South_West", "2018-04-01/P2Y", ["_O", "240", "240", "240", "A", "F", "1"]),
    ] {
        assert_eq!(fields(find(area, period), &names), expected, "{area} in {period}");
    }
    for record in &records {
        for name in ["REF_AREA", "INDICATOR", "BREAKDOWN", "CATEGORY", "UNIT_MEASURE", "PRECISION"] {
            let is_of_id = |letter: char| letter.is_ascii_alphanumeric() || "_@$-".contains(letter);
            assert!(!record[name].is_empty() && record[name].chars().all(is_of_id), "{name}: {}", record[name]);
        }
    }
    // An observation is found by its dimensions alone.
    let key = |record: &BTreeMap<String, String>| {
        ["FREQ", "REF_AREA", "INDICATOR", "BREAKDOWN", "CATEGORY", "TIME_PERIOD"].map(|name| record[name].clone())
    };
    let keys: std::collections::BTreeSet<_> = records.iter().map(key).collect();
    assert_eq!(keys.len(), records.len());
}

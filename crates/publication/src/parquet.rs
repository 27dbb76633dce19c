//! Parquet: the observations, column by column; provenance and definitions as key-value metadata of the file.

use std::sync::Arc;

use folkmoot_domain::Date;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use crate::File;
use crate::json::{definition, provenance};
use crate::statistics::{Observation, Statistics};

/// The values of one column.
enum Values {
    Text(Vec<ByteArray>),
    Days(Vec<i32>),
    Counts(Vec<u64>),
    Optional(Vec<Option<u64>>),
}

/// The observations in one row group.
pub(crate) fn parquet(statistics: &Statistics) -> Result<Vec<File>, ParquetError> {
    let columns = columns(&statistics.observations);
    let fields = columns.iter().map(|(name, values)| field(name, values)).collect::<Result<Vec<_>, _>>()?;
    let schema = Arc::new(Type::group_type_builder("observations").with_fields(fields).build()?);
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("folkmoot".to_owned())
        .set_key_value_metadata(Some(metadata(statistics)))
        .build();
    let mut bytes = Vec::new();
    let mut file = SerializedFileWriter::new(&mut bytes, schema, Arc::new(properties))?;
    let mut rows = file.next_row_group()?;
    for (_, values) in &columns {
        let Some(mut column) = rows.next_column()? else { break };
        match values {
            Values::Text(values) => column.typed::<ByteArrayType>().write_batch(values, None, None)?,
            Values::Days(values) => column.typed::<Int32Type>().write_batch(values, None, None)?,
            Values::Counts(values) => {
                let values: Vec<i64> = values.iter().map(|value| value.cast_signed()).collect();
                column.typed::<Int64Type>().write_batch(&values, None, None)?
            }
            Values::Optional(values) => {
                let there: Vec<i64> = values.iter().flatten().map(|value| value.cast_signed()).collect();
                let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
                column.typed::<Int64Type>().write_batch(&there, Some(&levels), None)?
            }
        };
        column.close()?;
    }
    rows.close()?;
    file.close()?;
    Ok(vec![File::new("observations.parquet", bytes)])
}

fn columns(observations: &[Observation]) -> Vec<(&'static str, Values)> {
    let text = |read: fn(&Observation) -> &str| {
        Values::Text(observations.iter().map(|observation| ByteArray::from(read(observation))).collect())
    };
    let days = |read: fn(&Observation) -> Date| {
        Values::Days(observations.iter().map(|observation| since_1970(read(observation))).collect())
    };
    let counts = |read: fn(&Observation) -> u64| Values::Counts(observations.iter().map(read).collect());
    let optional = |read: fn(&Observation) -> Option<u64>| Values::Optional(observations.iter().map(read).collect());
    vec![
        ("period", text(|observation| &observation.period)),
        ("period_title", text(|observation| &observation.period_title)),
        ("first_day", days(|observation| observation.first_day)),
        ("last_day", days(|observation| observation.last_day)),
        ("area_type", text(|observation| observation.area.kind())),
        ("area", text(|observation| observation.area.name())),
        ("indicator", text(|observation| &observation.indicator)),
        ("indicator_title", text(|observation| &observation.indicator_title)),
        ("unit", text(|observation| &observation.unit)),
        ("aggregation", text(|observation| &observation.aggregation)),
        ("dimension", text(|observation| observation.breakdown()[0])),
        ("category", text(|observation| observation.breakdown()[1])),
        ("category_title", text(|observation| observation.breakdown()[2])),
        ("value", optional(|observation| observation.figure.value())),
        ("status", text(|observation| observation.figure.shorthand())),
        ("precision", text(|observation| observation.figure.precision())),
        ("low", optional(|observation| observation.figure.low())),
        ("high", optional(|observation| observation.figure.high())),
        ("hubs", counts(|observation| observation.hubs)),
        ("hubs_hidden", counts(|observation| observation.hubs_hidden)),
        ("hubs_rounded", counts(|observation| observation.hubs_rounded)),
        ("hubs_missing", counts(|observation| observation.hubs_missing)),
        ("hubs_late", counts(|observation| observation.hubs_late)),
        ("label", text(|observation| &observation.label)),
    ]
}

fn field(name: &str, values: &Values) -> Result<Arc<Type>, ParquetError> {
    let unsigned = LogicalType::integer(64, false);
    let (physical, logical, repetition) = match values {
        Values::Text(_) => (Physical::BYTE_ARRAY, LogicalType::String, Repetition::REQUIRED),
        Values::Days(_) => (Physical::INT32, LogicalType::Date, Repetition::REQUIRED),
        Values::Counts(_) => (Physical::INT64, unsigned, Repetition::REQUIRED),
        Values::Optional(_) => (Physical::INT64, unsigned, Repetition::OPTIONAL),
    };
    let builder = Type::primitive_type_builder(name, physical);
    builder.with_logical_type(Some(logical)).with_repetition(repetition).build().map(Arc::new)
}

fn metadata(statistics: &Statistics) -> Vec<KeyValue> {
    let releases: Vec<_> = statistics.releases.iter().collect();
    let indicators: Vec<_> = statistics.indicators.iter().map(definition).collect();
    [
        ("title", statistics.title.clone()),
        ("provenance", provenance(statistics, &releases).to_string()),
        ("indicators", serde_json::Value::from(indicators).to_string()),
    ]
    .into_iter()
    .map(|(key, value)| KeyValue::new(format!("folkmoot.{key}"), value))
    .collect()
}

/// Days since 1 January 1970, as Parquet counts dates.
fn since_1970(day: Date) -> i32 {
    const FIRST_OF_1970: i32 = 2_440_588;
    day.to_julian_day() - FIRST_OF_1970
}

//! Disclosure policies, to bytes and back.

use folkmoot_disclosure::{PolicyRecord, Terms};
use folkmoot_domain::calendar::Period;
use folkmoot_proto::federation::v1;
use prost::Message;

use crate::fault::Fault;

/// The bytes of a disclosure policy.
pub fn encode_policy(record: &PolicyRecord) -> Vec<u8> {
    let Terms { threshold, special_threshold, largest_percent, two_largest_percent } = record.terms;
    v1::PolicyRecord {
        version: record.version,
        first_quarter: record.from.to_string(),
        threshold,
        special_threshold,
        largest_percent,
        two_largest_percent,
    }
    .encode_to_vec()
}

pub(super) fn read(wire: &v1::PolicyRecord) -> Result<PolicyRecord, Fault> {
    let from = match wire.first_quarter.parse() {
        Ok(Period::Quarter(quarter)) => quarter,
        Ok(Period::FinancialYear(_) | Period::Programme(_)) | Err(_) => {
            return Err(Fault::Payload("a policy holds from no quarter"));
        }
    };
    let v1::PolicyRecord { threshold, special_threshold, largest_percent, two_largest_percent, .. } = *wire;
    let terms = Terms { threshold, special_threshold, largest_percent, two_largest_percent };
    Ok(PolicyRecord { version: wire.version, from, terms })
}

#[cfg(test)]
mod tests {
    use folkmoot_domain::calendar::Quarter;

    use super::*;
    use crate::{Payload, PayloadKind};

    #[test]
    fn what_is_written_can_be_read_back_sound_or_not() {
        let from = Quarter::new(2027, 1).unwrap();
        let lax = Terms { threshold: 0, special_threshold: 1, largest_percent: 99, two_largest_percent: u32::MAX };
        for (version, terms) in [(2, Terms::FLOOR), (0, lax), (u32::MAX, lax)] {
            let record = PolicyRecord { version, from, terms };
            let decoded = Payload::decode(PayloadKind::PolicyRecord, &encode_policy(&record));
            assert_eq!(
                decoded,
                Ok(Some(Payload::PolicyRecord(record))),
                "whether it stands is not for the bytes to say"
            );
        }
    }

    #[test]
    fn what_holds_from_no_quarter_cannot_be_read() {
        for first_quarter in ["", "2027", "2027/28", "programme/COEP", "2027-Q5", "2027-q1", "9999-Q1"] {
            let wire = v1::PolicyRecord { version: 2, first_quarter: first_quarter.to_owned(), ..Default::default() };
            let decoded = Payload::decode(PayloadKind::PolicyRecord, &wire.encode_to_vec());
            assert!(matches!(decoded, Err(Fault::Payload(_))), "{first_quarter}: {decoded:?}");
        }
    }
}

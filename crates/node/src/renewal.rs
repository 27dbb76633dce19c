//! The job that renews the node's certificate when two thirds of its life are over.

use std::{sync::Arc, time::Duration};

use folkmoot_proto::federation::v1::RenewCertificateRequest;
use folkmoot_store::Role;
use tokio::time::{sleep, timeout};

use crate::{
    Error,
    dial::{CALL, dial},
    exchange::{LARGEST_MESSAGE, jitter},
    folder,
    generated::federation::enrolment_service_client::EnrolmentServiceClient,
    identity::{CertificateRequest, TlsPublicKey},
    node::{Certified, Node},
    status::words_of,
    tls::{self, DateRule, Expected},
};

/// How often the clock is looked at. A wall clock may jump; a long sleep would not notice.
const LOOK_EVERY: Duration = Duration::from_secs(60 * 60);
/// How long a fresh certificate is left alone, whatever the clock says.
const FRESH: Duration = Duration::from_secs(24 * 60 * 60);

/// Renews the certificate when it is time, until the node stops.
pub(crate) async fn keep_renewing(node: Arc<Node>) {
    loop {
        let mut pause = LOOK_EVERY;
        if node.certified().is_some_and(|certified| certified.validity.renewal_due(node.now())) {
            match renew(&node).await {
                Ok(()) => {
                    tracing::info!("certificate renewed");
                    pause = FRESH;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "certificate not renewed; trying again later"
                    );
                }
            }
        }
        tokio::select! {
            () = node.stopped() => return,
            () = sleep(jitter(pause)) => {}
        }
    }
}

/// Gets a fresh certificate, keeps it, and listens with it from the next connection on.
pub(crate) async fn renew(node: &Node) -> Result<(), Error> {
    let request = node.identity().certificate_request()?;
    let (certificate, dates) = match node.authority() {
        Some(authority) => {
            let certificate = authority.issue(&CertificateRequest::parse(&request)?, node.id(), node.now())?;
            (certificate, Some(DateRule::new(authority, node.clock().clone())))
        }
        None => (ask_academy(node, request).await?, None),
    };
    let certified = Certified::new(node.identity(), certificate.clone(), dates)?;
    folder::write(&node.folder().certificate(), &certificate)?;
    node.set_certified(certified);
    Ok(())
}

async fn ask_academy(node: &Node, certificate_request: Vec<u8>) -> Result<Vec<u8>, Error> {
    let directory = node.directory();
    let (Role::Hub, Some((_, genesis)), Some(address), Some(certified)) =
        (node.role(), directory.academy(), &node.settings().academy, node.certified())
    else {
        return Err(Error::AcademyUnknown);
    };
    let expected = Expected::Key(TlsPublicKey(genesis.tls_key.as_slice().into()));
    let config = tls::client_config(Some((node.identity(), &certified.certificate)), expected)?;
    let line = dial(address, config).await?;
    let bad = |what: String| Error::BadAnswer { address: address.to_string(), what };
    let mut client = EnrolmentServiceClient::new(line.channel).max_decoding_message_size(LARGEST_MESSAGE);
    let answer = timeout(CALL, client.renew_certificate(RenewCertificateRequest { certificate_request })).await;
    let answer = answer.map_err(|_| bad("none came within 30 seconds".to_owned()))?;
    let certificate = answer.map_err(|status| bad(words_of(&status)))?.into_inner().certificate;
    match tls::chains_to(&certificate.clone().into(), &genesis.ca_certificate.clone().into()) {
        true => Ok(certificate),
        false => Err(bad("the certificate is not the federation's".to_owned())),
    }
}

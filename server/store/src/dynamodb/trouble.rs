//! What the service, or the way to it, says: as a sentence with what to do about it, and whether to
//! ask again.
use super::pace::Worth;
use crate::error::StoreError;
use aws_sdk_dynamodb::config::http::HttpResponse;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;
use std::fmt;
use std::io::{Error as IoError, ErrorKind};

/// Which table, where.
#[derive(Debug, Clone)]
pub struct Place {
    /// The table.
    pub table: String,
    /// The region.
    pub region: Option<String>,
    /// The service's URL, when it was named.
    pub endpoint: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dynamodb://{}", self.table)?;
        let mut mark = '?';
        for (name, value) in [("region", &self.region), ("endpoint", &self.endpoint)] {
            if let Some(value) = value {
                write!(f, "{mark}{name}={value}")?;
                mark = '&';
            }
        }
        Ok(())
    }
}

impl Place {
    /// Trouble of this sort with the table.
    pub fn io(&self, kind: ErrorKind, what: impl Into<String>) -> StoreError {
        let source = IoError::new(kind, what.into());
        StoreError::Io { path: self.to_string(), source }
    }

    /// Any other trouble with it.
    pub fn backend(&self, what: impl fmt::Display) -> StoreError {
        StoreError::Backend(format!("{self}: {what}"))
    }

    /// The service's own name.
    fn service(&self) -> String {
        match (&self.endpoint, &self.region) {
            (Some(endpoint), _) => endpoint.clone(),
            (None, Some(region)) => format!("DynamoDB in {region}"),
            (None, None) => "DynamoDB".to_owned(),
        }
    }
}

/// A failed request.
pub type Failed<E> = SdkError<E, HttpResponse>;

/// Whether it is worth another try.
pub fn worth<E: ProvideErrorMetadata>(error: &Failed<E>) -> Worth {
    match error {
        SdkError::TimeoutError(_) | SdkError::ResponseError(_) => Worth::Failed,
        SdkError::DispatchFailure(failure) if failure.is_user() => Worth::Nothing,
        SdkError::DispatchFailure(_) => Worth::Failed,
        SdkError::ServiceError(service) => match error.code().unwrap_or_default() {
            "ProvisionedThroughputExceededException"
            | "ThrottlingException"
            | "Throttling"
            | "RequestLimitExceeded"
            | "TransactionInProgressException"
            | "TransactionConflictException"
            | "LimitExceededException" => Worth::Throttled,
            "InternalServerError" | "InternalFailure" | "ServiceUnavailable" => Worth::Failed,
            _ if service.raw().status().is_server_error() => Worth::Failed,
            _ => Worth::Nothing,
        },
        // The request could not even be made.
        _ => Worth::Nothing,
    }
}

/// What to tell.
pub fn explain<E: ProvideErrorMetadata + Error + 'static>(
    place: &Place,
    error: &Failed<E>,
) -> StoreError {
    match error {
        SdkError::ServiceError(service) => match error.code() {
            Some(code) => explain_code(place, code, error.message().unwrap_or_default()),
            None => place.backend(format!(
                "{} does not answer as DynamoDB does (HTTP status {}); check the endpoint",
                place.service(),
                service.raw().status().as_u16()
            )),
        },
        SdkError::ResponseError(_) => place.backend(format!(
            "{} gives an answer that is not DynamoDB's; check the endpoint",
            place.service()
        )),
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => place.backend(format!(
            "{} cannot be reached: {}; check the endpoint, the region and the network",
            place.service(),
            innermost(error)
        )),
        other => place.backend(format!("the request cannot be made: {}", innermost(other))),
    }
}

fn explain_code(place: &Place, code: &str, message: &str) -> StoreError {
    match code {
        "ResourceNotFoundException" => place.io(
            ErrorKind::NotFound,
            format!(
                "no table {:?} at {}; check the name and the region (an import makes the table \
                 when told --create)",
                place.table,
                place.service()
            ),
        ),
        "AccessDeniedException" => place.io(
            ErrorKind::PermissionDenied,
            format!("these credentials may not do this: {message}"),
        ),
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => place.backend(
            "the session of these credentials has expired; log in again, then run this again",
        ),
        "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "IncompleteSignatureException"
        | "InvalidClientTokenId"
        | "MissingAuthenticationTokenException"
        | "MissingAuthenticationToken" => {
            place.backend(format!("the credentials are not accepted: {message}"))
        }
        "ValidationException" if is_about_keys(message) => StoreError::Foreign(format!(
            "{place}: not a redtool table: its keys are not binary \"pk\" and \"sk\" ({message})"
        )),
        "ResourceInUseException" => {
            place.backend(format!("the table is being changed; try again later: {message}"))
        }
        "ProvisionedThroughputExceededException"
        | "ThrottlingException"
        | "RequestLimitExceeded"
        | "Throttling" => place.backend(
            "the table takes no more requests now, and did not for a minute; raise its capacity \
             or lower --max-wcu, then run this again",
        ),
        _ if message.is_empty() => place.backend(code),
        _ => place.backend(format!("{code}: {message}")),
    }
}

/// Whether a refused request was refused for what the table's keys are.
fn is_about_keys(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["schema", "key element", "missing the key", "number of conditions on the keys", "key size"]
        .iter()
        .any(|words| message.contains(words))
        || (message.contains("type mismatch") && message.contains("key"))
}

/// The error at the bottom, which says most.
fn innermost(error: &dyn Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    let words = error.to_string();
    words.split(" (os error ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        let endpoint = Some("http://localhost:8000".to_owned());
        Place { table: "cache".into(), region: Some("eu-west-1".into()), endpoint }
    }

    #[test]
    fn a_place_is_named_as_it_is_asked_for() {
        let name = "dynamodb://cache?region=eu-west-1&endpoint=http://localhost:8000";
        assert_eq!(place().to_string(), name);
    }

    #[test]
    fn what_the_service_says_is_a_sentence() {
        let told = |code, message| explain_code(&place(), code, message).to_string();
        assert!(told("ResourceNotFoundException", "").contains("--create"));
        assert!(told("ExpiredTokenException", "").contains("log in again"));
        assert!(told("SomethingNew", "words").ends_with("SomethingNew: words"));
        let schema = "The provided key element does not match the schema";
        let foreign = explain_code(&place(), "ValidationException", schema);
        assert!(matches!(foreign, StoreError::Foreign(_)));
        assert!(explain_code(&place(), "AccessDeniedException", "").is_no_permission());
    }
}

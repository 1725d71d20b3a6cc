//! What an object store's errors mean: whether another try can help, and what a person can do.

use object_store::Error as StoreError;

use crate::error::{Error, Kind};

/// What a store's error means.
pub(super) fn failed(verb: &str, url: &str, e: StoreError) -> Error {
    let (kind, text) = match &e {
        StoreError::NotFound { .. } => (Kind::Stop, "it does not exist"),
        StoreError::PermissionDenied { .. } => {
            (Kind::Stop, "permission denied: the credentials do not allow it")
        }
        StoreError::Unauthenticated { .. } => (
            Kind::Stop,
            "no valid credentials: set the usual variables of the store, such as AWS_ACCESS_KEY_ID",
        ),
        StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => {
            (Kind::Stop, "the store cannot do this")
        }
        StoreError::InvalidPath { .. } => (Kind::Usage, "not a key of an object store"),
        StoreError::AlreadyExists { .. } => (Kind::Stop, "there is one of this name already"),
        StoreError::Precondition { .. } => (Kind::Stop, "it is not the planned file: it has changed"),
        StoreError::UnknownConfigurationKey { .. } => (Kind::Usage, "a setting of the store is unknown"),
        other => by_answer(&texts(other)),
    };
    let what = if verb == "list" { "files" } else { "a file" };
    Error::new(kind, format!("cannot {verb} {what}: {text}")).with("file", url).because(e)
}

/// An error's text with those of its causes.
fn texts(error: &StoreError) -> String {
    let mut all = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(e) = cause {
        all.push('\n');
        all.push_str(&e.to_string());
        cause = e.source();
    }
    all
}

/// What a server or the connection said, by a part of it, and what to do. The client keeps status and
/// code only as text.
const ANSWERS: [(&[&str], Kind, &str); 6] = [
    (
        &["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "status code: 401"],
        Kind::Stop,
        "it does not accept the credentials: check the usual variables of the store, such as AWS_ACCESS_KEY_ID \
         and AWS_SECRET_ACCESS_KEY",
    ),
    (
        &[
            "AuthorizationHeaderMalformed",
            "PermanentRedirect",
            "status code: 301",
            "redirect without LOCATION",
        ],
        Kind::Stop,
        "the bucket is in another region: set the region, as in AWS_REGION",
    ),
    (&["status code: 403", "AccessDenied"], Kind::Stop, "permission denied: the credentials do not allow it"),
    (
        &["NoSuchBucket", "ContainerNotFound", "status code: 404"],
        Kind::Stop,
        "there is no such bucket: check its name and the endpoint",
    ),
    (
        &["URL scheme is not allowed"],
        Kind::Stop,
        "the endpoint is plain http: allow it with AWS_ALLOW_HTTP=true",
    ),
    (
        &["error sending request", "client error (Connect)", "dns error"],
        Kind::Transient,
        "it cannot be reached: check the endpoint and the network",
    ),
];

fn by_answer(text: &str) -> (Kind, &'static str) {
    let found = ANSWERS.iter().find(|(parts, ..)| parts.iter().any(|part| text.contains(part)));
    found.map_or((Kind::Transient, "the store reports an error"), |(_, kind, text)| (*kind, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_repair_is_not_tried_again() {
        let answer = |status: &str, code: &str| {
            format!(
                "Error performing GET http://h/b in 1ms - Server returned non-2xx status code: {status}: <Code>{code}</Code>"
            )
        };
        for (text, kind, part) in [
            (answer("403 Forbidden", "SignatureDoesNotMatch"), Kind::Stop, "credentials: check"),
            (answer("403 Forbidden", "AccessDenied"), Kind::Stop, "do not allow"),
            (answer("404 Not Found", "NoSuchBucket"), Kind::Stop, "no such bucket"),
            (answer("400 Bad Request", "AuthorizationHeaderMalformed"), Kind::Stop, "region"),
            (answer("503 Service Unavailable", "SlowDown"), Kind::Transient, "reports an error"),
            (answer("500 Internal Server Error", ""), Kind::Transient, "reports an error"),
            ("HTTP error: error sending request\nconnection refused".to_owned(), Kind::Transient, "reached"),
            ("HTTP error: builder error\nURL scheme is not allowed".to_owned(), Kind::Stop, "AWS_ALLOW_HTTP"),
        ] {
            let source = std::io::Error::other(text.clone());
            let error =
                failed("list", "s3://b/k/", StoreError::Generic { store: "S3", source: source.into() });
            assert_eq!(error.kind(), kind, "{text}");
            assert!(error.message().contains(part), "{text}: {}", error.message());
        }
    }
}

//! Clients for the endpoints that URLs name, with their time-outs and limits.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::http::HttpBuilder;
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::error::{Error, Result};
use crate::spec::{Location, Scheme};

/// A whole request with its body. A server-side copy of a file of 4 GiB takes the longest.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(2);
/// Until a connection stands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Tries of one request inside the client; what still fails is tried again by its caller.
const REQUEST_RETRIES: usize = 4;
/// No further try of a request after this.
const RETRY_TIMEOUT: Duration = Duration::from_secs(150);

/// A client for the endpoint of `location`. Sends nothing.
///
/// # Errors
/// `Stop` when the settings in `env` are wrong or incomplete.
pub(super) fn connect(location: &Location, env: &[(String, String)]) -> Result<Arc<dyn ObjectStore>> {
    let name = location.authority();
    let made: object_store::Result<Arc<dyn ObjectStore>> = match location.scheme() {
        Scheme::File => Ok(Arc::new(LocalFileSystem::new())),
        Scheme::S3 => {
            let start = AmazonS3Builder::new().with_client_options(options()).with_retry(retry());
            let set = settings::<AmazonS3ConfigKey>(env, "AWS_");
            let builder = set.fold(start, |b, (key, value)| b.with_config(key, value));
            builder.with_bucket_name(name).build().map(|s| Arc::new(s) as _)
        }
        Scheme::Gs => {
            let start = GoogleCloudStorageBuilder::new().with_client_options(options()).with_retry(retry());
            let set = settings::<GoogleConfigKey>(env, "GOOGLE_");
            let builder = set.fold(start, |b, (key, value)| b.with_config(key, value));
            builder.with_bucket_name(name).build().map(|s| Arc::new(s) as _)
        }
        Scheme::Az => {
            let start = MicrosoftAzureBuilder::new().with_client_options(options()).with_retry(retry());
            let set = settings::<AzureConfigKey>(env, "AZURE_");
            let builder = set.fold(start, |b, (key, value)| b.with_config(key, value));
            builder.with_container_name(name).build().map(|s| Arc::new(s) as _)
        }
        Scheme::Http | Scheme::Https => {
            let plain = location.scheme() == Scheme::Http;
            HttpBuilder::new()
                .with_url(format!("{}://{name}", location.scheme().name()))
                .with_client_options(options().with_allow_http(plain))
                .with_retry(retry())
                .build()
                .map(|s| Arc::new(s) as _)
        }
    };
    made.map_err(|e| {
        Error::stop("cannot reach the store: its settings in the environment are wrong or incomplete")
            .with("url", location)
            .because(e)
    })
}

/// The settings of `env` that the store knows; other variables with the prefix are not ours.
fn settings<K: FromStr>(env: &[(String, String)], prefix: &str) -> impl Iterator<Item = (K, String)> {
    env.iter().filter_map(move |(name, value)| {
        let known = name.starts_with(prefix).then(|| name.to_ascii_lowercase().parse().ok())??;
        Some((known, value.clone()))
    })
}

fn options() -> ClientOptions {
    ClientOptions::new().with_timeout(REQUEST_TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT)
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: REQUEST_RETRIES,
        retry_timeout: RETRY_TIMEOUT,
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn at(url: &str) -> Location {
        Location::parse(url, Path::new("/")).unwrap()
    }

    fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
        of.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn the_usual_variables_reach_the_client() {
        let env = pairs(&[
            ("AWS_ENDPOINT_URL", "http://localhost:9000"),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "k"),
            ("AWS_SECRET_ACCESS_KEY", "s"),
            ("AWS_NO_SUCH_SETTING", "x"),
            ("HOME", "/root"),
        ]);
        let store = connect(&at("s3://bucket/key"), &env).unwrap();
        assert_eq!(store.to_string(), "AmazonS3(bucket)");
        let settings: Vec<_> = settings::<AmazonS3ConfigKey>(&env, "AWS_").collect();
        assert_eq!(settings.len(), 4);
    }

    #[test]
    fn wrong_settings_are_refused() {
        let env = pairs(&[("AZURE_STORAGE_USE_EMULATOR", "maybe")]);
        assert_eq!(connect(&at("az://c/key"), &env).unwrap_err().kind(), crate::Kind::Stop);
    }
}

//! The connection to the service: a runtime of its own, the client, credentials, and calls that are
//! tried again when that is worth it.
//!
//! Callers wait on their own threads; what runs inside the runtime never does.
use super::pace::{Bucket, Tries, Worth};
use super::trouble::{explain, worth, Failed, Place};
use super::{Config, Credentials};
use crate::error::{Result, StoreError};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future::ProvideCredentials as Provided;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Builder, Credentials as SdkCredentials, ProvideCredentials, Region,
    SharedHttpClient,
};
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::{tls, Builder as HttpBuilder};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::runtime::{Handle, Runtime};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(4);
/// How long an answer may take.
const ANSWER: Duration = Duration::from_secs(60);
/// Credentials that do not say when they end are asked for again after this long: long before boto3
/// would want to renew them.
const ASK_AGAIN: Duration = Duration::from_secs(300);
/// The region that requests to an endpoint of one's own are signed for when none is named.
const ANY_REGION: &str = "us-east-1";

/// A table within reach.
pub struct Link {
    runtime: Option<Runtime>,
    /// What tasks share.
    pub calls: Arc<Calls>,
    /// Requests under way at once.
    pub parallel: usize,
    /// Segments of a parallel scan.
    pub scan_segments: usize,
    /// Set the attribute `ttl`.
    pub native_ttl: bool,
}

/// How to ask the service: shared with the tasks of the runtime, which must not hold the runtime
/// itself.
pub struct Calls {
    /// The client.
    pub client: Client,
    place: Place,
    /// The limit of write capacity.
    pub bucket: Option<Bucket>,
    refused: Arc<Mutex<Option<String>>>,
}

impl Link {
    /// A client for the table; asks the service nothing yet.
    pub fn new(config: Config) -> Result<Self> {
        let place = Place {
            table: config.table,
            region: config.region.filter(|region| !region.is_empty()),
            endpoint: config.endpoint.filter(|endpoint| !endpoint.is_empty()),
        };
        if place.region.is_none() && place.endpoint.is_none() {
            return Err(place.backend(
                "no region is named; add ?region=NAME, or set AWS_REGION or the profile's region",
            ));
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("redtool-aws")
            .enable_all()
            .build()
            .map_err(|e| place.backend(format!("no threads for the network: {e}")))?;
        let refused = Arc::default();
        let asked = Asked { from: config.credentials, refused: Arc::clone(&refused) };
        let client = client(&place, asked);
        let bucket = config.max_wcu.map(|rate| Bucket::new(rate, Instant::now()));
        Ok(Self {
            runtime: Some(runtime),
            calls: Arc::new(Calls { client, place, bucket, refused }),
            parallel: config.parallel.max(1),
            scan_segments: config.scan_segments.max(1),
            native_ttl: config.native_ttl,
        })
    }

    /// Waits for an answer. Never called inside the runtime.
    pub fn wait<T>(&self, answer: impl Future<Output = T>) -> Result<T> {
        Ok(self.handle()?.block_on(answer))
    }

    /// Where tasks run.
    pub fn handle(&self) -> Result<&Handle> {
        match &self.runtime {
            Some(runtime) => Ok(runtime.handle()),
            None => Err(StoreError::Backend("the connection is closed".into())),
        }
    }

    /// The table's size, as the service last counted it; 0 when it does not say.
    pub fn size_bytes(&self) -> u64 {
        let asked = self.calls.client.describe_table().table_name(self.calls.table());
        let answer = self.wait(asked.send()).ok().and_then(std::result::Result::ok);
        let size = answer.and_then(|answer| answer.table?.table_size_bytes);
        size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0)
    }
}

impl Drop for Link {
    /// Without waiting for what is under way.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn client(place: &Place, asked: Asked) -> Client {
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ANSWER);
    let region = place.region.clone().unwrap_or_else(|| ANY_REGION.to_owned());
    let mut config = Builder::new()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(asked)
        .http_client(http_client(place))
        // Retried here, where it is known what is idempotent and how long it may take.
        .retry_config(RetryConfig::disabled())
        .timeout_config(timeouts.build());
    if let Some(endpoint) = &place.endpoint {
        config = config.endpoint_url(endpoint);
    }
    Client::from_conf(config.build())
}

/// TLS by rustls with the system's certificates; none at all for an endpoint that has none.
fn http_client(place: &Place) -> SharedHttpClient {
    match &place.endpoint {
        Some(endpoint) if endpoint.starts_with("http://") => HttpBuilder::new().build_http(),
        _ => HttpBuilder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https(),
    }
}

impl Calls {
    /// The table's name.
    pub fn table(&self) -> &str {
        &self.place.table
    }

    /// The table's URL.
    pub fn place(&self) -> String {
        self.place.to_string()
    }

    /// Trouble with the table.
    pub fn trouble(&self, what: impl fmt::Display) -> StoreError {
        self.place.backend(what)
    }

    /// Trouble of this sort with the table.
    pub fn io(&self, kind: std::io::ErrorKind, what: impl Into<String>) -> StoreError {
        self.place.io(kind, what)
    }

    /// Asks until there is an answer, or no use in asking.
    pub async fn ask<T, E, F>(&self, send: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, Failed<E>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut tries = Tries::default();
        loop {
            match send().await {
                Ok(answer) => return Ok(answer),
                Err(error) => self.failed(&error, &mut tries).await?,
            }
        }
    }

    /// Waits before the next try; an error when there should be none.
    pub async fn failed<E>(&self, error: &Failed<E>, tries: &mut Tries) -> Result<()>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        if let Some(words) = self.refused() {
            return Err(self.trouble(words));
        }
        match tries.wait(worth(error)) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None => Err(explain(&self.place, error)),
        }
    }

    /// Waits after an answer that leaves a part undone; an error when that has gone on too long.
    pub async fn undone(&self, tries: &mut Tries) -> Result<()> {
        match tries.wait(Worth::Throttled) {
            Some(wait) => {
                tokio::time::sleep(wait).await;
                Ok(())
            }
            None => Err(self.trouble(
                "the table takes no more writes now, and did not for a minute; raise its \
                 capacity or lower --max-wcu, then run this again",
            )),
        }
    }

    /// What whoever gives the credentials said instead.
    fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Asks for credentials on a thread that may wait.
struct Asked {
    from: Arc<dyn Credentials>,
    refused: Arc<Mutex<Option<String>>>,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Asked")
    }
}

impl ProvideCredentials for Asked {
    fn provide_credentials<'a>(&'a self) -> Provided<'a>
    where
        Self: 'a,
    {
        let from = Arc::clone(&self.from);
        Provided::new(async move {
            let asked = tokio::task::spawn_blocking(move || from.credentials()).await;
            let words = match asked {
                Ok(Ok(keys)) => {
                    let expires_at =
                        keys.expires_at.unwrap_or_else(|| SystemTime::now() + ASK_AGAIN);
                    return Ok(SdkCredentials::new(
                        keys.access_key,
                        keys.secret_key,
                        keys.session_token,
                        Some(expires_at),
                        "redtool",
                    ));
                }
                Ok(Err(words)) => words,
                Err(_) => "the credentials could not be asked for".to_owned(),
            };
            *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(words.clone());
            Err(CredentialsError::provider_error(words))
        })
    }
}

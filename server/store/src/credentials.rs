//! Credentials for stores that are services: asked for when they are needed, and again before they
//! end.
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// Where credentials come from. Asked from a thread that may wait.
pub trait Credentials: Send + Sync {
    /// The keys to sign with now; an error is a sentence.
    fn credentials(&self) -> Result<Keys, String>;
}

/// What requests are signed with.
#[derive(Clone)]
pub struct Keys {
    /// The access key's id.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
    /// The token of a session.
    pub session_token: Option<String>,
    /// When they end, where that is known.
    pub expires_at: Option<SystemTime>,
}

impl Credentials for Keys {
    fn credentials(&self) -> Result<Keys, String> {
        Ok(self.clone())
    }
}

/// A source of credentials that several connections share. It is not shown.
#[derive(Clone)]
pub struct SharedCredentials(pub Arc<dyn Credentials>);

impl fmt::Debug for SharedCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedCredentials")
    }
}

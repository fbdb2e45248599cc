//! A redis-server to be compared with, asked in text.
pub use crate::redis_client::Client;
pub use crate::redis_server::Server;

impl Server {
    /// A connection to it.
    pub fn connect(&self) -> Client {
        Client::new(self.stream())
    }
}

impl Client {
    /// Runs a command written with spaces; the reply as text.
    pub fn ask(&mut self, command: &str) -> String {
        let args: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        super::support::show(&self.call(&args))
    }
}

//! The options of an operator.

use std::time::Duration;

use signet_model::retry::Schedule;

/// The options of an operator, with their defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The delays before failed attempts are repeated.
    pub schedule: Schedule,
    /// The time budget of one attempt.
    pub budget: Duration,
    /// The time that a claimed delivery belongs to the process that claimed it. It must be
    /// longer than the budget and a margin.
    pub lease: Duration,
    /// Working attempts at the same time.
    pub max_in_flight: usize,
    /// Hanging attempts at the same time, besides: those that have taken longer than a second.
    pub max_hanging: usize,
    /// Attempts at the same time at one endpoint.
    pub max_in_flight_per_endpoint: usize,
    /// Attempts of one account at the same time at one host.
    pub max_in_flight_per_host: usize,
    /// Held deliveries that are released to one endpoint in a second.
    pub release_rate: u32,
    /// Bytes of a response body that are kept.
    pub max_response_body: usize,
    /// The time that the bodies and headers of requests and responses are kept.
    pub keep_bodies: Duration,
    /// The time that events are kept, with their deliveries and attempts; at least as long as
    /// idempotency keys.
    pub keep_deliveries: Duration,
    /// The time that hourly statistics are kept.
    pub keep_statistics: Duration,
    /// Endpoints of one account.
    pub max_endpoints_per_account: u32,
    /// API keys of one account that are in use; as many revoked ones stay listed.
    pub max_api_keys_per_account: u32,
    /// People of one account and open invitations into it together.
    pub max_people_per_account: u32,
    /// The time after which a person has to sign in again, however much the session is used.
    pub session_lifetime: Duration,
    /// The time after which a session ends that is not used.
    pub session_idle: Duration,
    /// The time in which a portal link must be used.
    pub portal_link_lifetime: Duration,
    /// Those who operate the server need a second factor for their pages.
    pub operators_need_second_factor: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            schedule: Schedule::default(),
            budget: Duration::from_secs(10),
            lease: Duration::from_mins(1),
            max_in_flight: 512,
            max_hanging: 4_096,
            max_in_flight_per_endpoint: 32,
            max_in_flight_per_host: 64,
            release_rate: 10,
            max_response_body: 16 * 1024,
            keep_bodies: Duration::from_hours(30 * 24),
            keep_deliveries: Duration::from_hours(90 * 24),
            keep_statistics: Duration::from_hours(400 * 24),
            max_endpoints_per_account: 100,
            max_api_keys_per_account: 50,
            max_people_per_account: 500,
            session_lifetime: Duration::from_hours(14 * 24),
            session_idle: Duration::from_hours(24),
            portal_link_lifetime: Duration::from_mins(5),
            operators_need_second_factor: true,
        }
    }
}

impl Settings {
    /// Returns the time that a lease must last beyond the budget, to record an outcome on a
    /// busy machine: half the budget, which is 5 s of the usual 10 s, and half a second at
    /// least.
    pub fn lease_margin(budget: Duration) -> Duration {
        (budget / 2).max(Duration::from_millis(500))
    }
}

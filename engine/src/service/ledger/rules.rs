//! The rules of the ledger, each with the query that finds the rows that break it.

use const_format::formatcp;

use super::slice::Slice;

/// A rule that all stored rows keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Every event has as many deliveries as it went to endpoints.
    Fanout,
    /// No event goes to one endpoint twice.
    OncePerEndpoint,
    /// Every delivery has its event.
    DeliveryHasEvent,
    /// Every delivery goes to an endpoint of its own account.
    DeliveryHasEndpoint,
    /// Every attempt has its delivery.
    AttemptHasDelivery,
    /// A delivery's number of attempts is that of its attempts, and of the last one.
    AttemptsCounted,
    /// The last attempt of a delivered delivery was answered with a 2xx, that of a failed one
    /// was not.
    StateMatchesLastAttempt,
    /// Pending deliveries alone have a due time, and may have a lease; a closed delivery has
    /// the instant of its end, and an attempt where it needs one.
    StateIsWhole,
    /// A delivery that is yet to be sent has its body.
    OpenHasBody,
    /// No lease ended a whole lease ago without a claim at its endpoint since.
    LeaseNotOverdue,
    /// No lease ends further ahead than leases last.
    LeaseNotTooLong,
    /// Claiming looks at the endpoint of a pending delivery in time.
    PendingIsQueued,
    /// Only tests and attempts under way are pending at a disabled endpoint, except for
    /// deliveries that are still being held: then the endpoint's queue is due.
    DisabledHolds,
    /// Only attempts under way are open at a deleted endpoint, except for deliveries that are
    /// still being discarded: then the endpoint's queue is due.
    DeletedHasNothingOpen,
    /// Every idempotency key answers with an event that exists.
    KeyHasEvent,
    /// Every row can be used as it is stored.
    Usable,
    /// Every entry of the audit log follows from the one before.
    AuditChain,
}

/// The kind of row that breaks a rule.
pub(super) enum Noun {
    Event,
    Delivery,
}

/// Pending deliveries that claiming does not look for in time.
const PENDING_IS_QUEUED: &str = "SELECT d.id FROM clock, deliveries d
                   LEFT JOIN endpoint_queues q ON q.account_id = d.account_id AND q.endpoint_id = d.endpoint_id
                   LEFT JOIN endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id
                  WHERE d.state = 'pending' AND (q.next_due_at IS NULL OR (q.next_due_at > d.due_at
                    AND q.next_due_at > clock.soon AND (e.resting_until IS NULL OR q.next_due_at > e.resting_until)
                    AND NOT EXISTS (SELECT 1 FROM accounts WHERE accounts.id = d.account_id AND suspended_at IS NOT NULL)))";

/// Attempts without their delivery.
const ATTEMPT_HAS_DELIVERY: &str = "SELECT a.delivery_id AS id FROM attempts a
                   LEFT JOIN deliveries d ON d.account_id = a.account_id AND d.id = a.delivery_id
                  WHERE d.id IS NULL";

impl Rule {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::Fanout,
        Self::OncePerEndpoint,
        Self::DeliveryHasEvent,
        Self::DeliveryHasEndpoint,
        Self::AttemptHasDelivery,
        Self::AttemptsCounted,
        Self::StateMatchesLastAttempt,
        Self::StateIsWhole,
        Self::OpenHasBody,
        Self::LeaseNotOverdue,
        Self::LeaseNotTooLong,
        Self::PendingIsQueued,
        Self::DisabledHolds,
        Self::DeletedHasNothingOpen,
        Self::KeyHasEvent,
        Self::Usable,
        Self::AuditChain,
    ];

    /// The complaint of people about the rows that break the rule.
    pub const fn complaint(self) -> &'static str {
        match self {
            Self::Fanout => "events with more or fewer deliveries than endpoints they went to",
            Self::OncePerEndpoint => "events with two deliveries to one endpoint",
            Self::DeliveryHasEvent => "deliveries without their event",
            Self::DeliveryHasEndpoint => "deliveries to an endpoint that their account does not have",
            Self::AttemptHasDelivery => "attempts without their delivery",
            Self::AttemptsCounted => "deliveries whose number of attempts is not that of the attempts stored",
            Self::StateMatchesLastAttempt => "deliveries whose state contradicts their last attempt",
            Self::StateIsWhole => "deliveries whose state contradicts their other columns",
            Self::OpenHasBody => "deliveries yet to be sent whose body is gone",
            Self::LeaseNotOverdue => {
                "deliveries whose lease ended long ago and that nobody took up (is a server running?)"
            }
            Self::LeaseNotTooLong => {
                "deliveries whose lease ends later than leases last (does --lease match the server's?)"
            }
            Self::PendingIsQueued => "pending deliveries that claiming does not look for in time",
            Self::DisabledHolds => "deliveries that wait to be sent to a disabled endpoint instead of being held",
            Self::DeletedHasNothingOpen => "deliveries that wait or are held for a deleted endpoint",
            Self::KeyHasEvent => "idempotency keys that answer with an event that is gone",
            Self::Usable => "rows that cannot be used as they are stored",
            Self::AuditChain => "audit logs that were altered",
        }
    }

    pub(super) const fn noun(self) -> Noun {
        match self {
            Self::Fanout | Self::OncePerEndpoint | Self::KeyHasEvent => Noun::Event,
            _ => Noun::Delivery,
        }
    }

    /// The statement that counts the rows that break the rule, and selects the ids of five of
    /// them. `None` for the rules that look at the rows themselves.
    pub(super) fn query(self, on_postgres: bool) -> Option<String> {
        let broken_by = if on_postgres { self.broken_by_on_postgres() } else { self.broken_by() }?;
        Some(format!(
            "WITH clock (soon, latest, present, stale) AS
               (SELECT CAST($1 AS TIMESTAMPTZ), CAST($2 AS TIMESTAMPTZ), CAST($3 AS TIMESTAMPTZ), CAST($4 AS TIMESTAMPTZ)),
             limits (in_all, per_endpoint) AS (SELECT CAST($5 AS BIGINT), CAST($6 AS BIGINT))
             SELECT count(*) OVER () AS found, broken.id FROM ({broken_by}) AS broken ORDER BY broken.id LIMIT 5"
        ))
    }

    /// The slices that the rule is to be checked in. Leases are compared with those of all
    /// accounts; there are no more of them than attempts.
    pub(super) fn slices(self, all: &[Slice]) -> &[Slice] {
        if self == Self::LeaseNotOverdue { &[Slice::Whole] } else { all }
    }

    /// On PostgreSQL attempts are divided by time, and claiming looks for no delivery that is due
    /// before its queue says that any is pending.
    const fn broken_by_on_postgres(self) -> Option<&'static str> {
        match self {
            Self::PendingIsQueued => {
                Some(formatcp!("{PENDING_IS_QUEUED} OR (d.state = 'pending' AND q.pending_from > d.due_at)"))
            }
            // Retention leaves attempts whose partition it is about to drop.
            Self::AttemptHasDelivery => Some(formatcp!(
                "{ATTEMPT_HAS_DELIVERY} AND NOT EXISTS
                   (SELECT 1 FROM leaving_attempts l
                     WHERE NOT l.by_row AND a.delivery_id >= l.first_id AND a.delivery_id < l.before_id)"
            )),
            _ => self.broken_by(),
        }
    }

    /// The statement that selects the `id` of the rows that break the rule. `clock` knows the `present`, the
    /// present and a little (`soon`), the instant after which no lease can end
    /// (`latest`), and the one before which an endpoint with a due delivery may
    /// not have been left alone (`stale`). `limits` knows how many attempts one
    /// process makes at the same time.
    const fn broken_by(self) -> Option<&'static str> {
        Some(match self {
            Self::Fanout => {
                "SELECT e.id FROM events e
                   LEFT JOIN (SELECT account_id, event_id, count(*) AS made FROM deliveries GROUP BY account_id, event_id) d
                     ON d.account_id = e.account_id AND d.event_id = e.id
                  WHERE e.fanout <> COALESCE(d.made, 0)"
            }
            Self::OncePerEndpoint => {
                "SELECT event_id AS id FROM deliveries GROUP BY account_id, endpoint_id, event_id HAVING count(*) > 1"
            }
            Self::DeliveryHasEvent => {
                "SELECT d.id FROM deliveries d LEFT JOIN events e ON e.account_id = d.account_id AND e.id = d.event_id
                  WHERE e.id IS NULL"
            }
            Self::DeliveryHasEndpoint => {
                "SELECT d.id FROM deliveries d
                   LEFT JOIN endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id
                  WHERE e.id IS NULL"
            }
            Self::AttemptHasDelivery => ATTEMPT_HAS_DELIVERY,
            Self::AttemptsCounted => {
                "SELECT d.id FROM deliveries d
                   LEFT JOIN (SELECT account_id, delivery_id, count(*) AS made, max(number) AS last
                                FROM attempts GROUP BY account_id, delivery_id) a
                     ON a.account_id = d.account_id AND a.delivery_id = d.id
                  WHERE d.attempts <> COALESCE(a.made, 0) OR d.attempts <> COALESCE(a.last, 0)"
            }
            Self::StateMatchesLastAttempt => {
                "SELECT d.id FROM deliveries d
                   JOIN attempts a ON a.account_id = d.account_id AND a.delivery_id = d.id AND a.number = d.attempts
                  WHERE d.state IN ('delivered', 'failed') AND (d.state = 'delivered')
                     <> (a.failure IS NULL AND a.status IS NOT NULL AND a.status BETWEEN 200 AND 299)"
            }
            Self::StateIsWhole => {
                "SELECT id FROM deliveries
                  WHERE (state = 'pending') <> (due_at IS NOT NULL) OR (lease IS NOT NULL AND state <> 'pending')
                     OR (state IN ('pending', 'held')) <> (completed_at IS NULL)
                     OR (state IN ('delivered', 'failed') AND attempts = 0) OR failures > attempts"
            }
            Self::OpenHasBody => {
                "SELECT d.id FROM deliveries d JOIN events e ON e.account_id = d.account_id AND e.id = d.event_id
                  WHERE d.state IN ('pending', 'held') AND e.body IS NULL"
            }
            Self::LeaseNotOverdue => {
                // A delivery without its lease can have a long backlog of its endpoint before
                // it. A process works on that backlog if leases hold, or if a claim has moved the
                // endpoint's queue on to its own instant or later. A process that makes as many
                // attempts as it may makes no claim.
                "WITH leased AS
                   (SELECT id, account_id, endpoint_id, due_at,
                      max(due_at) OVER (PARTITION BY account_id, endpoint_id) AS last_due_at
                      FROM deliveries WHERE state = 'pending' AND lease IS NOT NULL),
                 held AS
                   (SELECT count(*) AS leases FROM leased, clock WHERE due_at > clock.present
                     GROUP BY account_id, endpoint_id),
                 under_way AS
                   (SELECT COALESCE(sum(CASE WHEN leases < per_endpoint THEN leases ELSE per_endpoint END), 0) AS attempts
                      FROM held, limits)
                 SELECT l.id FROM clock, leased l
                   JOIN endpoint_queues q ON q.account_id = l.account_id AND q.endpoint_id = l.endpoint_id
                  WHERE l.due_at < clock.stale AND l.last_due_at <= clock.present AND q.next_due_at < clock.stale
                    AND (SELECT attempts < in_all FROM under_way, limits)"
            }
            Self::LeaseNotTooLong => {
                "SELECT d.id FROM deliveries d, clock WHERE d.state = 'pending' AND d.lease IS NOT NULL AND d.due_at > clock.latest"
            }
            Self::PendingIsQueued => PENDING_IS_QUEUED,
            Self::DisabledHolds => {
                "SELECT d.id FROM clock, deliveries d
                   JOIN endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id
                   LEFT JOIN endpoint_queues q ON q.account_id = d.account_id AND q.endpoint_id = d.endpoint_id
                  WHERE (e.disabled_at IS NOT NULL OR d.created_at <= e.hold_through) AND e.deleted_at IS NULL
                    AND d.state = 'pending' AND d.lease IS NULL AND NOT d.is_test
                    AND (q.next_due_at IS NULL OR q.next_due_at > clock.soon)"
            }
            Self::DeletedHasNothingOpen => {
                "SELECT d.id FROM clock, deliveries d
                   JOIN endpoints e ON e.account_id = d.account_id AND e.id = d.endpoint_id
                   LEFT JOIN endpoint_queues q ON q.account_id = d.account_id AND q.endpoint_id = d.endpoint_id
                  WHERE e.deleted_at IS NOT NULL
                    AND (d.state = 'held' OR (d.state = 'pending' AND d.lease IS NULL))
                    AND (q.next_due_at IS NULL OR q.next_due_at > clock.soon)"
            }
            Self::KeyHasEvent => {
                "SELECT k.event_id AS id FROM idempotency_keys k
                   LEFT JOIN events e ON e.account_id = k.account_id AND e.id = k.event_id
                  WHERE e.id IS NULL"
            }
            Self::Usable | Self::AuditChain => return None,
        })
    }
}

use signet_model::delivery::Failure;

use super::{
    lane::{Lane, NEW_LANE_DELIVERIES_MAX},
    load::{BODIES_BYTES_MAX, Load, QUEUED_DELIVERIES_MAX},
    *,
};
use crate::{queue::Lease, settings::Settings};

const BYTES: usize = 400;
const SECOND: Duration = Duration::from_secs(1);
const LIMITS: LaneLimits =
    LaneLimits { working: 8, hanging: 16, per_endpoint: 2, per_host: 64, wait_max: Duration::from_secs(15) };

fn endpoint(number: u16) -> EndpointId {
    let [high, low] = number.to_be_bytes();
    EndpointId::new(Timestamp::from_unix_seconds(1), [0, 0, 0, 0, high, low, 0, 0, 0, 0])
}

fn account(number: u16) -> AccountId {
    AccountId::from_uuid(endpoint(number).uuid())
}

fn url(host: &str) -> Arc<EndpointUrl> {
    Arc::new(format!("https://{host}.example.com/").parse().expect("a URL"))
}

fn ended(took: Duration, result: AttemptResult) -> AttemptSummary {
    AttemptSummary { at: Instant::now(), took, result, answered_over_kept: false }
}

#[expect(clippy::unnecessary_wraps, reason = "as the lanes take it")]
fn quick() -> Option<AttemptSummary> {
    Some(ended(Duration::from_millis(1), AttemptResult::Success))
}

#[expect(clippy::unnecessary_wraps, reason = "as the lanes take it")]
fn timed_out() -> Option<AttemptSummary> {
    Some(ended(10 * SECOND, AttemptResult::Failed(Failure::Timeout)))
}

/// Lanes of which each endpoint has an account and a host of its own, unless it is said.
struct World {
    lanes: Arc<Lanes>,
    deliveries: u64,
}

impl World {
    fn new(limits: LaneLimits) -> Self {
        Self { lanes: Lanes::new(limits), deliveries: 0 }
    }

    fn reserve_of(&mut self, owner: u16, number: u16, bytes: usize) -> Option<LaneSlot> {
        self.deliveries += 1;
        let delivery = DeliveryId::from_uuid(uuid::Uuid::from_u128(self.deliveries.into()));
        let address = (account(owner), endpoint(number));
        self.lanes.reserve(address, Some(&url(&number.to_string())), (delivery, leased(1)), bytes)
    }

    fn reserve(&mut self, number: u16, bytes: usize) -> Option<LaneSlot> {
        self.reserve_of(number, number, bytes)
    }

    fn reserve_all(&mut self, number: u16) -> Vec<LaneSlot> {
        std::iter::from_fn(|| self.reserve(number, BYTES)).collect()
    }

    fn claim_slots(&self, number: u16, most: usize) -> Vec<LaneSlot> {
        let address = (account(number), endpoint(number));
        self.lanes.reserve_to_claim(address, Some(&url(&number.to_string())), most, 1).0
    }

    /// Opens a lane for the endpoint of this account, and begins as many attempts as may be.
    fn begin_of(&self, owner: u16, number: u16, host: &str) -> usize {
        let mut state = self.lanes.state();
        state.open((account(owner), endpoint(number)), Some(&url(host)));
        std::iter::from_fn(|| state.begin(endpoint(number)).then_some(())).count()
    }

    fn begin(&self, number: u16) -> usize {
        self.begin_of(number, number, &number.to_string())
    }

    fn end(&self, number: u16, ended: Option<AttemptSummary>) {
        self.lanes.state().end(endpoint(number), false, ended);
    }

    fn hang(&self, number: u16) -> bool {
        self.lanes.state().hang(endpoint(number)).is_some()
    }

    fn with_room(&self, number: u16) -> bool {
        !self.lanes.with_room(std::iter::once((account(number), endpoint(number)))).is_empty()
    }
}

fn leased(lease: i64) -> Leased {
    Leased { lease: Lease(lease), until: Timestamp::from_unix_seconds(lease) }
}

#[test]
fn a_full_lane_leaves_room_for_others() {
    let mut world = World::new(LIMITS);
    let slots = world.reserve_all(1);
    assert_eq!(slots.len(), 513, "a quarter of the half for endpoints that may hang");
    assert!(!world.with_room(1));
    assert!(world.reserve(2, BYTES).is_some());
    drop(slots);
    assert!(world.with_room(1));
}

#[test]
fn deliveries_after_an_overflow_wait_in_the_store_behind_it() {
    let mut world = World::new(LIMITS);
    drop(world.reserve_all(1));
    assert!(world.reserve(1, BYTES).is_none(), "something older is due in the store");
    assert_eq!(world.claim_slots(1, 9).len(), 9);
    world.lanes.claimed(endpoint(1), false);
    assert!(world.reserve(1, BYTES).is_some());
}

#[tokio::test]
async fn an_overflown_lane_tells_once_that_it_has_room() {
    let mut world = World::new(LIMITS);
    let mut slots = world.reserve_all(1);
    assert!(world.lanes.claimable(9).is_empty());
    slots.truncate(1);
    world.lanes.freed.notified().await;
    assert_eq!(world.lanes.claimable(9), [(account(1), endpoint(1))]);
    assert!(world.lanes.claimable(9).is_empty());
}

#[tokio::test]
async fn an_endpoint_with_an_empty_lane_learns_of_any_slot_that_is_freed() {
    let mut world = World::new(LIMITS);
    let slots: Vec<_> = (0..).map_while(|number| world.reserve_of(1, number, BYTES)).collect();
    assert!(world.reserve_of(1, 60_000, BYTES).is_none(), "its account has its part");
    drop(slots);
    world.lanes.freed.notified().await;
}

#[test]
fn full_lanes_keep_out_no_quick_endpoint_with_an_empty_lane() {
    let mut world = World::new(LIMITS);
    for number in 1..=20 {
        world.begin(number);
        world.end(number, quick());
    }
    let mut slots: Vec<_> = (1..=5).flat_map(|number| world.reserve_all(number)).collect();
    assert!(slots.len() >= LIMITS.working + QUEUED_DELIVERIES_MAX);
    assert_eq!(world.claim_slots(6, 512).len(), 1);
    slots.extend((6..=20).flat_map(|number| world.reserve_all(number)));
    assert!(slots.len() <= LIMITS.capacity());
}

#[test]
fn however_many_accounts_wait_for_unproven_endpoints_the_next_has_room() {
    let mut world = World::new(LIMITS);
    let mut slots = Vec::new();
    for owner in 1..=40 {
        let own: Vec<_> = (0..50).map_while(|n| world.reserve_of(owner, owner * 100 + n, BYTES)).collect();
        assert!(!own.is_empty(), "account {owner}");
        slots.extend(own);
    }
    assert!(2 * slots.len() <= LIMITS.working + QUEUED_DELIVERIES_MAX);
}

#[test]
fn a_lane_is_as_short_as_its_receiver_is_slow() {
    let may_wait = |took| {
        let mut lane = Lane::new(account(1), Some(url("a")), 0, 0);
        if let Some(ended) = took {
            lane.learn(ended);
        }
        lane.waiting_max(&LaneLimits { per_endpoint: 32, ..LIMITS })
    };
    assert_eq!(may_wait(None), NEW_LANE_DELIVERIES_MAX);
    assert_eq!(may_wait(quick()), 2_048);
    assert_eq!(may_wait(Some(ended(SECOND, AttemptResult::Success))), 480);
    assert_eq!(may_wait(timed_out()), 0);
}

#[test]
fn the_wait_in_a_lane_follows_the_lease() {
    let lease = |lease| LaneLimits::from(&Settings { lease, ..Settings::default() }).wait_max;
    assert_eq!(lease(Duration::from_mins(1)), 15 * SECOND);
    assert_eq!(lease(30 * SECOND), 5 * SECOND);
}

#[test]
fn large_bodies_wait_in_the_store() {
    let mut world = World::new(LIMITS);
    let large = BODIES_BYTES_MAX / 16;
    let slots: Vec<_> = std::iter::from_fn(|| world.reserve(1, large)).collect();
    assert_eq!(slots.len(), 2, "an account has a quarter of a half for endpoints that may hang");
    assert!(world.reserve(2, large).is_some(), "and costs others nothing");
    drop(slots);
    let mut world = World::new(LIMITS);
    assert!(world.reserve(3, 2 * BODIES_BYTES_MAX).is_some(), "one body is always borne");
}

#[test]
fn attempts_that_may_hang_take_half_of_those_at_work() {
    let world = World::new(LIMITS);
    let begun: Vec<_> = (1..=5).map(|number| world.begin(number)).collect();
    assert_eq!(begun, [1, 1, 1, 1, 0], "four accounts have a quarter of the half each");
    world.end(1, quick());
    assert_eq!(world.begin(1), 2, "a quick endpoint has all of its own");
    assert_eq!(world.begin(5), 1, "and leaves its part to the next");
}

#[test]
fn an_attempt_that_hangs_leaves_its_place_at_work() {
    let world = World::new(LIMITS);
    assert_eq!((1..=4).map(|number| world.begin(number)).sum::<usize>(), 4);
    assert_eq!(world.begin(5), 0);
    assert!(world.hang(1));
    assert_eq!(world.begin(5), 1);
    assert_eq!(world.begin(6), 0);
}

#[test]
fn one_account_has_a_quarter_of_what_may_hang() {
    let world = World::new(LIMITS);
    for number in 1..=4 {
        assert_eq!(world.begin_of(1, number, "a"), 1, "endpoint {number}");
        assert!(world.hang(number));
    }
    assert_eq!(world.begin_of(1, 5, "a"), 0);
    assert_eq!(world.begin_of(2, 6, "a"), 1);
}

#[test]
fn a_quick_endpoint_that_begins_to_hang_takes_no_more_than_may() {
    let world = World::new(LaneLimits { working: 64, per_endpoint: 8, ..LIMITS });
    world.begin_of(1, 1, "a");
    world.end(1, quick());
    world.begin_of(1, 1, "a");
    let hanging = (0..8).filter(|_| world.hang(1)).count();
    assert_eq!(hanging, 4, "a quarter of what may hang; the others stay at work");
}

#[test]
fn an_endpoint_whose_last_attempts_all_timed_out_is_probed_one_at_a_time() {
    let world = World::new(LIMITS);
    for _ in 0..3 {
        assert_eq!(world.begin(1), 1);
        world.end(1, timed_out());
    }
    assert_eq!(world.claim_slots(1, 9).len(), 1);
    world.begin(1);
    world.end(1, quick());
    assert_eq!(world.begin(1), 2, "one answer and it is quick again");
}

#[test]
fn the_speed_of_an_endpoint_is_known_beyond_its_last_attempt() {
    let world = World::new(LIMITS);
    world.begin(1);
    world.end(1, quick());
    assert_eq!(world.begin(1), 2, "still known to be quick");
}

#[test]
fn idle_lanes_are_evicted_a_few_at_a_time() {
    let world = World::new(LIMITS);
    let mut before = 0;
    for number in 0..40_000 {
        world.begin_of(1, number, "a");
        world.end(number, None);
        let remembered = world.lanes.state().lanes.len();
        assert!(remembered <= 16_384 * 9 / 8, "{remembered}");
        assert!(remembered + 8 > before, "only a few at a time");
        before = remembered;
    }
    assert_eq!(world.lanes.state().hosts.len(), 1, "what they have in common is shared");
}

#[test]
fn an_endpoint_at_another_address_is_another_receiver() {
    let world = World::new(LIMITS);
    for _ in 0..3 {
        world.begin_of(1, 1, "a");
        world.end(1, timed_out());
    }
    world.begin_of(1, 1, "b");
    let state = world.lanes.state();
    let lane = &state.lanes[&endpoint(1)];
    assert_eq!(lane.attempts_max(&LIMITS), 2);
    assert_eq!(state.hosts[lane.host_group].load.under_way(), 1);
}

#[test]
fn one_account_has_so_many_attempts_at_one_host() {
    let world = World::new(LaneLimits { working: 64, hanging: 64, per_host: 3, ..LIMITS });
    assert_eq!([1, 2, 3].map(|number| world.begin_of(1, number, "a")), [2, 1, 0]);
    assert_eq!(world.begin_of(1, 4, "b"), 2);
    assert_eq!(world.begin_of(2, 5, "a"), 2, "another account has its own");
    world.end(1, quick());
    assert_eq!(world.begin_of(1, 3, "a"), 1);
}

#[test]
fn sums_are_those_of_the_lanes() {
    let world = World::new(LIMITS);
    assert_eq!((1..=6).map(|number| world.begin_of(number % 3, number, "a")).collect::<Vec<_>>(), [1, 1, 1, 0, 0, 0]);
    assert!(world.hang(1));
    world.end(2, quick());
    world.begin_of(2, 2, "b");
    let state = world.lanes.state();
    let sum = |of: &dyn Fn(&&Lane) -> bool| {
        state.lanes.values().filter(of).fold(Load::default(), |mut sum, lane| {
            sum.recount(Load::default(), lane.load);
            sum
        })
    };
    assert_eq!(state.all, sum(&|_| true));
    assert_eq!(state.unproven, sum(&|lane| !lane.is_quick()));
    for lane in state.lanes.values() {
        let account = lane.account_group;
        assert_eq!(state.accounts[account].load, sum(&|lane| !lane.is_quick() && lane.account_group == account));
        let host = lane.host_group;
        assert_eq!(state.hosts[host].load, sum(&|lane| lane.host_group == host));
    }
}

#[test]
fn no_claim_is_made_at_an_endpoint_that_has_an_overdue_delivery_in_hand() {
    let mut world = World::new(LIMITS);
    let mut slots = [1, 2].map(|number| world.reserve(number, BYTES).expect("a slot"));
    let overdue =
        |seconds| world.lanes.overdue_endpoints(Timestamp::from_unix_seconds(seconds), Duration::from_secs(1));
    assert!(overdue(0).is_empty(), "the leases hold");
    slots[0].vacate();
    assert_eq!(overdue(1), [1, 2].map(endpoint).into(), "under way, or yet to be recorded");
    assert_eq!(overdue(-3_600), [1, 2].map(endpoint).into(), "given before the clock was set back");
    drop(slots);
    assert!(overdue(1).is_empty());
}

#[test]
fn tests_have_slots_of_their_own() {
    let world = World::new(LIMITS);
    let reserve = |owner: u16, number: u128| {
        let address = (account(owner), endpoint(owner));
        world.lanes.reserve_for_test(address, (DeliveryId::from_uuid(uuid::Uuid::from_u128(number)), leased(1)))
    };
    let own: Vec<_> = (0..4).map(|number| reserve(1, number).expect("a slot")).collect();
    assert_eq!(reserve(1, 4).expect_err("too many").0, 4);
    let others: Vec<_> = (0..28).map(|n| reserve(2 + n / 4, 100 + u128::from(n)).expect("a slot")).collect();
    assert_eq!(reserve(20, 200).expect_err("too many").0, 32);
    drop(own);
    assert!(reserve(1, 5).is_ok());
    assert_eq!(world.lanes.state().all, Load::default(), "and take none of a lane's");
    drop(others);
}

#[test]
fn most_endpoints_that_worked_and_fail_alike_are_hardly_at_fault() {
    let world = World::new(LaneLimits { working: 1_000, hanging: 4_000, ..LIMITS });
    let failed = |failure| Some(ended(SECOND, AttemptResult::Failed(failure)));
    let attempt = |number: u16, result| {
        world.begin(number);
        world.end(number, result);
    };
    let alike = || world.lanes.most_fail_alike(Failure::Dns, SECOND);
    for number in 1..=11 {
        attempt(number, quick());
    }
    for number in 1..=9 {
        attempt(number, failed(Failure::Dns));
    }
    assert!(!alike(), "nine are too few");
    attempt(10, failed(Failure::Connect));
    attempt(11, failed(Failure::Dns));
    assert!(alike(), "ten of eleven");
    assert!(!world.lanes.most_fail_alike(Failure::Connect, SECOND));
    for number in 21..=30 {
        attempt(number, failed(Failure::Tls));
    }
    assert!(alike(), "endpoints that never worked do not count");
    for number in 31..=33 {
        attempt(number, quick());
    }
    assert!(!alike(), "some still work");
}

#[tokio::test(start_paused = true)]
async fn only_first_attempts_that_connect_are_spread() {
    for (answered_over_kept, are_spread) in [(true, false), (false, true)] {
        let mut world = World::new(LIMITS);
        let start = Instant::now();
        for number in 1..=1_000 {
            let slot = world.reserve(number, BYTES).expect("room");
            world.begin(number);
            let mut place = slot.attempt_slot();
            world.lanes.pace(&mut place).await;
            world.lanes.next(&place, quick().map(|ended| AttemptSummary { answered_over_kept, ..ended }));
        }
        assert_eq!(start.elapsed() > Duration::ZERO, are_spread);
    }
}

#[test]
fn a_fault_of_this_side_slows_everything_down() {
    let world = World::new(LIMITS);
    for number in 1..=8 {
        world.begin(number);
        world.end(number, quick());
    }
    assert_eq!(world.lanes.slow_down(LocalFault::Descriptors), SECOND);
    assert_eq!((1..=8).map(|number| world.begin(number)).sum::<usize>(), 4);
}

#[test]
fn look_ups_that_stall_slow_no_other_endpoint_down() {
    let world = World::new(LIMITS);
    for number in 1..=8 {
        world.begin(number);
        world.end(number, quick());
    }
    assert_eq!(world.lanes.slow_down(LocalFault::Lookups), SECOND);
    assert_eq!((1..=8).map(|number| world.begin(number)).sum::<usize>(), 8);
}

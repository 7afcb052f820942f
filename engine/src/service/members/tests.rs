use super::*;
use crate::{
    Engine,
    service::{
        factors::second_step::SignedIn,
        sessions::{Browser, Session, SessionToken},
    },
    testing::{PASSWORD, TestDatabase, account, on_each_database, owner, resting_engine},
};

struct World {
    engine: Engine,
    acme: AccountId,
    ada: SessionToken,
}

impl World {
    async fn new(database: &TestDatabase) -> Self {
        let (engine, _) = resting_engine(database);
        let acme = account(&engine, "acme").await;
        let ada = owner(&engine, acme, "ada@example.com").await;
        Self { engine, acme, ada }
    }

    /// A new person of the account.
    async fn person(&self, email: &str, role: Role) -> SessionToken {
        let link = self.engine.as_operator_in(self.acme).members().invite(email, role).await.expect("invited");
        let accepted = self.engine.invitations().accept_as_new(&link, "", PASSWORD, &Browser::default()).await;
        accepted.expect("accepted")
    }

    async fn session(&self, token: &SessionToken) -> Option<Session> {
        self.engine.sessions().get(token.reveal()).await.expect("an answer")
    }

    async fn actor(&self, token: &SessionToken) -> Actor {
        self.session(token).await.and_then(|it| it.actor(None)).expect("an account")
    }

    async fn id(&self, token: &SessionToken) -> UserId {
        self.session(token).await.and_then(|it| it.person()).expect("a person")
    }
}

on_each_database!(a_change_of_role_ends_the_sessions_of_the_person_in_that_account_alone);
async fn a_change_of_role_ends_the_sessions_of_the_person_in_that_account_alone(database: TestDatabase) {
    let world = World::new(&database).await;
    let bob = world.person("bob@example.com", Role::Viewer).await;
    let (ada, id) = (world.actor(&world.ada).await, world.id(&bob).await);
    let members = world.engine.account(&ada).members();
    members.set_role(id, Role::Viewer).await.expect("the same role");
    assert!(world.session(&bob).await.is_some(), "nothing has changed");
    members.set_role(id, Role::Admin).await.expect("changed");
    assert!(world.session(&bob).await.is_none() && world.session(&world.ada).await.is_some());
    let again = world.engine.sessions().sign_in("bob@example.com", PASSWORD, &Browser::default()).await;
    assert_eq!(
        world
            .session(&again.expect("an answer").and_then(SignedIn::session).expect("signed in"))
            .await
            .and_then(|it| it.role()),
        Some(Role::Admin)
    );
}

on_each_database!(the_last_owner_can_neither_be_demoted_nor_removed_nor_leave);
async fn the_last_owner_can_neither_be_demoted_nor_removed_nor_leave(database: TestDatabase) {
    let world = World::new(&database).await;
    let (ada, id) = (world.actor(&world.ada).await, world.id(&world.ada).await);
    let members = world.engine.account(&ada).members();
    assert!(matches!(members.set_role(id, Role::Admin).await, Err(MemberError::LastOwner)));
    assert!(matches!(members.remove(id).await, Err(MemberError::LastOwner)));
    assert!(matches!(members.leave().await, Err(MemberError::LastOwner)));
    let operator = world.engine.as_operator_in(world.acme).members().remove(id).await;
    assert!(matches!(operator, Err(MemberError::LastOwner)), "{operator:?}");
    assert!(world.session(&world.ada).await.is_some());
    world.person("bob@example.com", Role::Owner).await;
    members.leave().await.expect("there is another owner");
    assert!(world.session(&world.ada).await.is_none());
    assert_eq!(world.engine.as_operator_in(world.acme).members().list().await.expect("a list").len(), 1);
}

on_each_database!(of_two_owners_who_leave_at_once_one_stays);
async fn of_two_owners_who_leave_at_once_one_stays(database: TestDatabase) {
    let world = World::new(&database).await;
    let bob = world.person("bob@example.com", Role::Owner).await;
    let (ada, bob) = (world.actor(&world.ada).await, world.actor(&bob).await);
    let (first, second) =
        tokio::join!(world.engine.account(&ada).members().leave(), world.engine.account(&bob).members().leave());
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
}

on_each_database!(an_admin_changes_people_but_no_owner);
async fn an_admin_changes_people_but_no_owner(database: TestDatabase) {
    let world = World::new(&database).await;
    let (admin, bob) =
        (world.person("admin@example.com", Role::Admin).await, world.person("bob@example.com", Role::Viewer).await);
    let (owner, bob) = (world.id(&world.ada).await, world.id(&bob).await);
    let admin = world.actor(&admin).await;
    let members = world.engine.account(&admin).members();
    assert!(matches!(members.set_role(owner, Role::Viewer).await, Err(MemberError::OwnersOnly)));
    assert!(matches!(members.remove(owner).await, Err(MemberError::OwnersOnly)));
    assert!(matches!(members.make_reset_link(owner).await, Err(MemberError::OwnersOnly)));
    assert!(matches!(members.set_role(bob, Role::Owner).await, Err(MemberError::OwnersOnly)));
    members.set_role(bob, Role::Developer).await.expect("changed");
    members.make_reset_link(bob).await.expect("a link");
    members.remove(bob).await.expect("removed");
}

on_each_database!(developers_and_viewers_change_nobody_but_may_leave);
async fn developers_and_viewers_change_nobody_but_may_leave(database: TestDatabase) {
    let world = World::new(&database).await;
    let bob = world.person("bob@example.com", Role::Viewer).await;
    let bob = world.id(&bob).await;
    for role in [Role::Developer, Role::Viewer] {
        let token = world.person(&format!("{role}@example.com"), role).await;
        let actor = world.actor(&token).await;
        let members = world.engine.account(&actor).members();
        for refused in [
            members.set_role(bob, Role::Admin).await,
            members.remove(bob).await,
            members.make_reset_link(bob).await.map(drop),
        ] {
            assert!(matches!(refused, Err(MemberError::Store(Error::Forbidden(_)))), "{refused:?}");
        }
        members.leave().await.expect("left");
        assert!(world.session(&token).await.is_none());
    }
}

on_each_database!(nobody_changes_a_person_of_another_account);
async fn nobody_changes_a_person_of_another_account(database: TestDatabase) {
    let world = World::new(&database).await;
    let other = account(&world.engine, "other").await;
    let eve = owner(&world.engine, other, "eve@example.com").await;
    let (eve, ada) = (world.actor(&eve).await, world.id(&world.ada).await);
    let before = database.rows("memberships").await;
    let members = world.engine.account(&eve).members();
    assert!(matches!(members.set_role(ada, Role::Viewer).await, Err(MemberError::NotFound)));
    assert!(matches!(members.remove(ada).await, Err(MemberError::NotFound)));
    assert!(matches!(members.make_reset_link(ada).await, Err(MemberError::NotFound)));
    assert_eq!(database.rows("memberships").await, before);
    assert!(members.list().await.expect("a list").iter().all(|member| member.id != ada));
}

on_each_database!(a_reset_link_is_not_made_for_a_person_who_belongs_elsewhere_too);
async fn a_reset_link_is_not_made_for_a_person_who_belongs_elsewhere_too(database: TestDatabase) {
    let world = World::new(&database).await;
    let other = account(&world.engine, "other").await;
    let eve = owner(&world.engine, other, "eve@example.com").await;
    let link = world
        .engine
        .as_operator_in(world.acme)
        .members()
        .invite("eve@example.org", Role::Viewer)
        .await
        .expect("a link");
    let session = world.session(&eve).await.expect("a session");
    let eve = world.engine.invitations().accept(&link, &session, &Browser::default()).await.expect("accepted");
    let (ada, eve) = (world.actor(&world.ada).await, world.id(&eve).await);
    let refused = world.engine.account(&ada).members().make_reset_link(eve).await;
    assert!(matches!(refused, Err(MemberError::Elsewhere)), "{refused:?}");
    let list = world.engine.account(&ada).members().list().await.expect("a list");
    let only_here = |email| list.iter().find(|member| member.email == email).map(|member| member.only_here);
    assert_eq!((only_here("ada@example.com"), only_here("eve@example.com")), (Some(true), Some(false)));
    // Nor for one who operates the server.
    let operator = world.person("op@example.com", Role::Viewer).await;
    let operator = world.id(&operator).await;
    let literal = database.literal(operator.uuid());
    database
        .run(&format!("INSERT INTO operators (user_id, created_at) SELECT {literal}, created_at FROM users LIMIT 1"))
        .await;
    let refused = world.engine.account(&ada).members().make_reset_link(operator).await;
    assert!(matches!(refused, Err(MemberError::Elsewhere)), "{refused:?}");
}

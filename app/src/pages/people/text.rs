//! The sentences of the screen.

pub(crate) const TITLE: &str = "People";
pub(super) const LEAD: &str = "The people who work in this account, and what they may do.";

pub(super) const INVITE_HEADING: &str = "Invite somebody";
pub(super) const INVITE: &str = "Invite";
pub(super) const EMAIL: &str = "E-mail";
pub(super) const EMAIL_HINT: &str = "The person accepts by a link, and signs in with this address from then on.";
pub(super) const ROLE: &str = "Role";
pub(super) const NO_ROLE: &str = "Choose a role.";
pub(super) const INVITED: &str = "Invitation made";
pub(super) const LINK: &str = "One-time link";
pub(super) const LINK_SHOWN: &str =
    "Copy this link now and hand it to the person. It is shown this once, works once, and holds for 7 days.";
pub(super) const LINK_MAILED: &str = "The link is on its way by mail. You can also hand it over yourself: it is shown this once, works once, and holds for 7 days.";

pub(super) const JOINED: &str = "Joined";
pub(super) const SEEN: &str = "Last seen";
pub(super) const NEVER: &str = "Never";
pub(super) const YOU: &str = "(you)";
pub(super) const CHANGE: &str = "Change";
pub(super) const ACTIONS: &str = "Actions";

pub(super) const INVITATIONS: &str = "Open invitations";
pub(super) const OPERATORS_LINK: &str = "Link of the operator";
pub(super) const EXPIRES: &str = "Expires";
pub(super) const WITHDRAW: &str = "Take back";
pub(super) const WITHDRAWN: &str = "Invitation taken back. Its link no longer works.";

pub(super) const LEAVE: &str = "Leave account";
pub(super) const LEAVE_HINT: &str = "You lose access to this account. Everything in it stays as it is.";
pub(super) const LEAVE_QUESTION: &str = "Leave this account?";
pub(super) const LEAVE_CONSEQUENCES: &str = "You are signed out of it at once, and come back only by an invitation.";
pub(super) const LEFT: &str = "You have left the account.";

pub(super) const LAST_OWNER: &str =
    "This is the last owner, and an account keeps one. Make somebody else an owner first.";
pub(super) const OWNERS_ONLY: &str = "Only an owner can do this. Ask one of them.";
pub(super) const ELSEWHERE: &str = "This person belongs to another account too, or operates the service. They use “Forgot your password?” on the \
                                    sign-in page, or ask the operator.";

pub(super) const ROLE_HEADING: &str = "Role";
pub(super) const SAVE_ROLE: &str = "Save role";
pub(super) const ROLE_SAVED: &str = "Role saved. The person has to sign in again.";
pub(super) const RESET_HEADING: &str = "Forgotten password";
pub(super) const RESET_HINT: &str =
    "Make a one-time link with which this person sets another password. All their sessions end then.";
pub(super) const RESET: &str = "Make link";
pub(super) const RESET_MADE: &str = "Link made";
pub(super) const RESET_SHOWN: &str =
    "Copy this link now and hand it to the person. It is shown this once, works once, and holds for an hour.";
pub(super) const REMOVE_HEADING: &str = "Remove from account";
pub(super) const REMOVE: &str = "Remove";
pub(super) const REMOVE_QUESTION: &str = "Remove this person?";
pub(super) const REMOVE_CONSEQUENCES: &str =
    "{} is signed out of this account at once. API keys and webhooks stay as they are.";
pub(super) const REMOVED: &str = "Person removed.";

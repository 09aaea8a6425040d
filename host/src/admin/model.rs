//! What the admin API sends and takes as JSON: one type for each object. The server, `pointsman ctl` and the API's document are made from
//! them.

mod backend;
mod change;
mod configuration;
mod event;
mod explanation;
mod overview;
mod policy;
mod pool;
mod problem;
mod trouble;
mod worker;

pub use backend::{BackendReply, BackendSource, BackendState, Histogram, OverrideState};
pub use change::{
    BackendChange, BackendPatch, LogLevel, Nothing, OverrideList, OverrideRecord, OverridesCleared,
    PolicyChange, PolicyName, PolicyResult, ReloadReply, VersionChoice,
};
pub use configuration::{ConfigurationState, FaultState, PendingKey};
pub use event::{EventLevel, EventList, EventRecord};
pub use explanation::{
    AttemptExplanation, CandidateExplanation, ChosenExplanation, ExplanationReply, FactExplanation,
    PickExplanation, QueueExplanation, RouteExplanation,
};
pub use overview::{Overview, PhaseState, VersionReply};
pub use policy::{
    LeftOutState, PolicyList, PolicyState, PutState, QuarantineState, VersionList, VersionState,
};
pub use pool::{PoolLimitsState, PoolList, PoolReply, PoolState, QueueState};
pub use problem::Problem;
pub use trouble::{BackendTrouble, RecentBackend, RecentPool, TroubleKind, TroubleLevel, TroubleState};
pub use worker::{WorkerList, WorkerState};

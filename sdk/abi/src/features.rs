//! What the words of `reserved` arrays mean by now, and the bits of
//! [`OpenArgs::features`](crate::OpenArgs) that announce them. A word that its
//! sender does not fill in is zero.

/// The host says how a scan goes, in the words `JOB_*`, `PLOT_*` and `STATS_*`
/// (1.1).
pub const SCAN_STATE: u64 = 1;

/// The host heeds the word [`OUTCOME_BATCH`] (1.1).
pub const BATCH: u64 = 1 << 1;

/// The host says whether the node was chosen on the command line, in the word
/// [`TRANSPORT_NODE_IS_CHOSEN`] (1.1).
pub const NODE_CHOICE: u64 = 1 << 2;

/// The host knows the word [`OUTCOME_MAY_REPEAT`] (1.1).
pub const MAY_REPEAT: u64 = 1 << 3;

/// All that a host of this version of the interface can do.
pub const ALL: u64 = SCAN_STATE | BATCH | NODE_CHOICE | MAY_REPEAT;

/// Of `TransportArgs`: 1: the node was chosen for this one question, and has
/// priority over the component's config and over whatever it could ask else.
pub const TRANSPORT_NODE_IS_CHOSEN: usize = 0;

/// Of `Job`: milliseconds left until the deadline, at least 1; 0: there is none.
pub const JOB_TIME_LEFT_MS: usize = 0;

/// Of `Plot`: how many plots of its drive are read at once.
pub const PLOT_READERS: usize = 0;

/// Of `BatchStats`: as `Plot::read_rate`, but by now.
pub const STATS_READ_RATE: usize = 0;

/// Of `BatchStats`: as `Plot::scan_rate`, but by now.
pub const STATS_SCAN_RATE: usize = 1;

/// Of `BatchStats`: leaves scanned for the job so far, over all its plots.
pub const STATS_SCANNED: usize = 2;

/// Of `BatchStats`: as [`JOB_TIME_LEFT_MS`], but by now.
pub const STATS_TIME_LEFT_MS: usize = 3;

/// Of `PlanOutcome`: from these spans on, leaves are read and handed to the
/// hashing workers so many at a time at the most; 0: as many as the host likes.
pub const OUTCOME_BATCH: usize = 0;

/// Of `PlanOutcome`: 1: the strategy declares that its plans may hold a leaf
/// more than once; 0: they do not, or it was built before 1.1.
pub const OUTCOME_MAY_REPEAT: usize = 1;

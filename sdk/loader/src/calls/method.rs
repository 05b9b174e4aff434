//! The calls that a host makes into a plugin.

use serde::{Deserialize, Serialize};

macro_rules! methods {
    ($($(#[$doc:meta])* $method:ident = $name:literal),+ $(,)?) => {
        /// A call of a host into a plugin, or where else a plugin's code runs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        #[repr(u8)]
        pub enum Method {
            $($(#[$doc])* $method,)+
        }

        impl Method {
            pub(crate) const ALL: &[Self] = &[$(Self::$method,)+];

            /// Its name in messages and documents.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$method => $name,)+
                }
            }
        }
    };
}

methods!(
    /// The library's initialisers, and its connection to the host.
    Load = "load",
    /// A component's constructor.
    Open = "open",
    /// A strategy starts over with a job and a plot.
    Begin = "begin",
    /// A strategy plans.
    Plan = "plan",
    /// A strategy says how much it would plan.
    Estimate = "estimate",
    /// A strategy is told of progress.
    Feedback = "feedback",
    /// A strategy arranges plots.
    Arrange = "arrange",
    /// An engine scores leaves.
    Scan = "scan",
    /// A policy chooses.
    Select = "select",
    /// A transport takes a request.
    Request = "request",
    /// A transport ends its session.
    Close = "close",
    /// A transport looks at its config and peer.
    Check = "check",
    /// A transport answers a question.
    Ask = "ask",
    /// A component's destructor.
    Drop = "drop",
    /// No call of the host's: a thread or task that the plugin started.
    Thread = "thread",
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_the_names_that_messages_have() {
        for (number, method) in Method::ALL.iter().enumerate() {
            assert_eq!(*method as usize, number);
            assert_eq!(serde_json::to_value(method).unwrap(), method.name());
        }
    }
}

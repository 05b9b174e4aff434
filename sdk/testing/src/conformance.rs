//! The rules of a component's kind as tests of its author's: one test per rule,
//! each in a process of its own.

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use spacetime_conformance::{JOBS, Outcome, SEED, SlowMethods, Subject, judge, rule, run_if_asked};
pub use spacetime_sdk_loader::Kind;

use crate::build::cdylib;

/// Overrides the number that random inputs are drawn from.
const SEED_VARIABLE: &str = "SPACETIME_CONFORMANCE_SEED";
/// Overrides the number of jobs that growth is looked for over.
const JOBS_VARIABLE: &str = "SPACETIME_CONFORMANCE_JOBS";

/// Tests a component of the package under test against every rule of its kind:
/// one `#[test]` per rule, named after it. They stand in a file of `tests/`,
/// for a second component or config in a module of its own.
///
/// ```no_run
/// spacetime_sdk_testing::conformance!(strategy "first-half");
///
/// mod with_a_config {
///     spacetime_sdk_testing::conformance!(policy "dearest", "(min_fee: 3)");
/// }
/// ```
///
/// Every test runs in a process of its own, so that one that crashes or hangs
/// fails by itself. `SPACETIME_CONFORMANCE_SEED` draws other random inputs, and
/// `SPACETIME_CONFORMANCE_JOBS` looks for growth over fewer jobs than 100,000.
#[macro_export]
macro_rules! conformance {
    ($kind:ident $name:literal) => {
        $crate::conformance!($kind $name, "()");
    };
    ($kind:ident $name:literal, $config:literal) => {
        $crate::__rules!($kind, __conformance_tests, $name, $config);
    };
}

/// What [`conformance!`] expands to.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ($kind:ident, $name:literal, $config:literal; $($test:ident $rule:literal)+) => {
        $(
            #[test]
            fn $test() {
                let test = concat!(module_path!(), "::", stringify!($test));
                $crate::__private::check(test, $crate::__private::Kind::$kind, $name, $config, $rule);
            }
        )+
    };
}

/// The rules of a kind that have a test, handed to another macro.
#[doc(hidden)]
#[macro_export]
macro_rules! __rules {
    (strategy, $then:ident $($arguments:tt)*) => {
        $crate::$then! {
            Strategy $($arguments)*;
            any_001_it_opens_with_its_config "ANY-001"
            any_006_unknown_fields_of_its_config_are_errors "ANY-006"
            any_007_values_of_its_config_are_either_refused_by_name_or_kept_to "ANY-007"
            any_008_any_text_is_survived_as_its_config "ANY-008"
            any_009_nothing_of_it_works_on_after_it_is_dropped "ANY-009"
            any_010_instances_exist_side_by_side "ANY-010"
            any_011_opening_and_dropping_it_leaves_nothing_behind "ANY-011"
            str_001_every_span_lies_inside_its_plot "STR-001"
            str_002_ordinary_jobs_and_plots_are_planned_without_an_error "STR-002"
            str_003_no_leaf_is_planned_twice_unless_that_is_declared "STR-003"
            str_004_every_plan_comes_to_its_end "STR-004"
            str_005_a_plan_that_is_done_stays_done "STR-005"
            str_006_the_same_job_and_plot_give_the_same_plan "STR-006"
            str_007_begin_starts_over_whatever_was_going_on "STR-007"
            str_008_the_estimate_is_what_a_whole_plan_covers "STR-008"
            str_009_feedback_may_hold_any_numbers "STR-009"
            str_010_each_plot_gets_one_turn_at_most "STR-010"
            str_011_plots_of_any_small_size_are_planned "STR-011"
            str_012_plots_of_2_to_40_leaves_and_more_are_planned "STR-012"
            str_013_jobs_and_plots_may_hold_any_numbers "STR-013"
            str_014_a_job_whose_time_is_over_is_planned "STR-014"
            str_015_calls_return_promptly_once_the_job_is_over "STR-015"
            str_016_budgets_and_stop_rules_are_kept_to "STR-016"
            str_017_the_same_leaves_are_planned_whatever_the_buffer_s_size "STR-017"
            str_018_instances_do_not_know_of_each_other "STR-018"
            str_019_an_instance_works_on_any_thread "STR-019"
            str_020_it_does_not_grow_with_the_jobs_that_it_has_planned "STR-020"
        }
    };
    (engine, $then:ident $($arguments:tt)*) => {
        $crate::$then! {
            Engine $($arguments)*;
            any_001_it_opens_with_its_config "ANY-001"
            any_006_unknown_fields_of_its_config_are_errors "ANY-006"
            any_007_values_of_its_config_are_either_refused_by_name_or_kept_to "ANY-007"
            any_008_any_text_is_survived_as_its_config "ANY-008"
            any_009_nothing_of_it_works_on_after_it_is_dropped "ANY-009"
            any_010_instances_exist_side_by_side "ANY-010"
            any_011_opening_and_dropping_it_leaves_nothing_behind "ANY-011"
            eng_001_it_finds_the_leaf_with_the_lowest_score "ENG-001"
            eng_002_only_scores_strictly_under_the_bound_count "ENG-002"
            eng_003_of_equal_scores_the_first_counts "ENG-003"
            eng_004_batches_of_any_length_are_scored "ENG-004"
            eng_005_leaves_may_lie_at_any_address "ENG-005"
            eng_006_a_cancelled_scan_returns_promptly_and_claims_nothing_false "ENG-006"
            eng_007_many_threads_scan_with_one_instance "ENG-007"
            eng_008_a_batch_does_not_depend_on_those_before_it "ENG-008"
            eng_009_it_does_not_grow_with_the_batches_that_it_has_scanned "ENG-009"
        }
    };
    (policy, $then:ident $($arguments:tt)*) => {
        $crate::$then! {
            Policy $($arguments)*;
            any_001_it_opens_with_its_config "ANY-001"
            any_006_unknown_fields_of_its_config_are_errors "ANY-006"
            any_007_values_of_its_config_are_either_refused_by_name_or_kept_to "ANY-007"
            any_008_any_text_is_survived_as_its_config "ANY-008"
            any_009_nothing_of_it_works_on_after_it_is_dropped "ANY-009"
            any_010_instances_exist_side_by_side "ANY-010"
            any_011_opening_and_dropping_it_leaves_nothing_behind "ANY-011"
            pol_001_it_chooses_candidates_that_are_there_each_once "POL-001"
            pol_002_ordinary_lists_are_chosen_from_without_an_error "POL-002"
            pol_003_no_more_is_chosen_than_the_block_can_take "POL-003"
            pol_004_the_same_block_and_candidates_give_the_same_selection "POL-004"
            pol_005_a_list_without_candidates_is_chosen_from "POL-005"
            pol_006_10_000_candidates_are_chosen_from_in_time "POL-006"
            pol_007_candidates_may_hold_any_numbers "POL-007"
            pol_008_lists_may_hold_anything "POL-008"
            pol_009_a_veto_has_a_reason "POL-009"
            pol_010_it_does_not_grow_with_the_blocks_that_it_has_chosen_for "POL-010"
            pol_011_a_sender_s_transactions_are_chosen_in_turn_without_a_gap "POL-011"
        }
    };
    (transport, $then:ident $($arguments:tt)*) => {
        $crate::$then! {
            Transport $($arguments)*;
            any_001_it_opens_with_its_config "ANY-001"
            any_006_unknown_fields_of_its_config_are_errors "ANY-006"
            any_007_values_of_its_config_are_either_refused_by_name_or_kept_to "ANY-007"
            any_008_any_text_is_survived_as_its_config "ANY-008"
            any_009_nothing_of_it_works_on_after_it_is_dropped "ANY-009"
            any_010_instances_exist_side_by_side "ANY-010"
            any_011_opening_and_dropping_it_leaves_nothing_behind "ANY-011"
            trn_001_a_session_ends_within_the_time_that_it_is_given "TRN-001"
            trn_002_a_session_that_has_ended_says_so "TRN-002"
            trn_003_a_session_may_be_dropped_without_being_closed "TRN-003"
            trn_004_a_host_that_is_busy_is_given_time "TRN-004"
            trn_005_a_host_that_is_gone_ends_the_session "TRN-005"
            trn_006_nothing_happens_after_the_session_was_closed "TRN-006"
            trn_007_a_request_never_blocks "TRN-007"
            trn_008_requests_and_questions_of_unknown_kinds_are_unsupported "TRN-008"
            trn_009_queues_have_an_end "TRN-009"
            trn_010_a_submission_has_one_verdict_at_the_most "TRN-010"
            trn_011_events_are_well_formed "TRN-011"
            trn_012_a_check_disturbs_nobody "TRN-012"
            trn_013_questions_are_answered_in_kind_or_not_at_all "TRN-013"
            trn_014_a_session_can_be_opened_again_after_one_was_closed "TRN-014"
            trn_015_hostile_peers_are_survived "TRN-015"
            trn_016_it_does_not_grow_with_the_requests_that_it_has_served "TRN-016"
        }
    };
}

/// Runs one rule's test in a process of its own; `test` is the path of the test
/// that calls this.
///
/// # Panics
///
/// If the rule, or another one, is broken, or cannot be judged because of the
/// component's config.
#[doc(hidden)]
pub fn check(test: &str, kind: Kind, component: &str, config: &str, id: &str) {
    if run_if_asked() {
        return;
    }
    let subject = Subject {
        file: built().clone(),
        kind,
        component: component.to_owned(),
        config: config.to_owned(),
        seed: number(SEED_VARIABLE, SEED),
        jobs: number(JOBS_VARIABLE, JOBS),
        node: None,
    };
    let rule = rule(id).unwrap_or_else(|| panic!("the kit has no rule {id}"));
    // Test names leave the crate's out.
    let name = test.split_once("::").map_or(test, |(_, name)| name);
    let program = env::current_exe().expect("a running program has a file");
    let start = || {
        let mut command = Command::new(&program);
        command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
        command
    };
    let judged = judge(&subject, rule, &slow_methods(&subject), start);
    match judged.unwrap_or_else(|error| panic!("no process can be started: {error}")).outcome {
        Outcome::Kept { .. } => {}
        Outcome::NotJudged { reason } => panic!("{id} cannot be judged: {reason}"),
        Outcome::Refused { reason } => panic!(
            "{id} cannot be judged: {reason}; the macro takes a config to test with, as \
             conformance!({kind} \"{component}\", \"(field: value)\")"
        ),
        Outcome::Hindered { late, by } => panic!(
            "{id} cannot be judged: {}, which breaks ANY-003, as the test of {by} has found",
            late.told()
        ),
        Outcome::Broken(finding) => {
            let broken = spacetime_conformance::rule(&finding.rule);
            let title = broken.map_or("", |rule| rule.name);
            let (rule, seen, input) = (finding.rule, finding.seen, finding.input);
            let again = again(&subject, name);
            panic!(
                "\n{kind} `{component}` breaks {rule}: {title}\n  seen:  {seen}\n  given: {input}\n  \
                 again: {again}\n"
            );
        }
    }
}

/// The command that runs one test again, with the same inputs.
fn again(subject: &Subject, test: &str) -> String {
    let jobs = match subject.jobs {
        JOBS => String::new(),
        jobs => format!("{JOBS_VARIABLE}={jobs} "),
    };
    format!("{SEED_VARIABLE}={} {jobs}cargo test {test} -- --exact", subject.seed)
}

/// What the tests of a component with its config have found to be slow so far.
fn slow_methods(subject: &Subject) -> Arc<SlowMethods> {
    static ALL: Mutex<BTreeMap<String, Arc<SlowMethods>>> = Mutex::new(BTreeMap::new());
    let Subject { kind, component, config, .. } = subject;
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    all.entry(format!("{kind}:{component} {config}")).or_default().clone()
}

/// The package's library, built once per process.
fn built() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let package = env::var_os("CARGO_MANIFEST_DIR");
        let package = package.expect("cargo says whose test it runs; run it by `cargo test`");
        cdylib(&PathBuf::from(package))
    })
}

/// The number that a variable gives.
///
/// # Panics
///
/// If it gives something else.
fn number(variable: &str, default: u64) -> u64 {
    match env::var(variable) {
        Err(_) => default,
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
    }
}

#[cfg(test)]
mod tests {
    use spacetime_conformance::rules_for;

    use super::*;

    #[test]
    fn a_failure_names_the_command_that_runs_its_test_again() {
        let mut subject = Subject {
            file: "libx.so".into(),
            kind: Kind::Policy,
            component: "x".to_owned(),
            config: "(min_fee: 5)".to_owned(),
            seed: 7,
            jobs: JOBS,
            node: None,
        };
        let test = "with_a_fee::pol_001";
        let command = "cargo test with_a_fee::pol_001 -- --exact";
        assert_eq!(again(&subject, test), format!("SPACETIME_CONFORMANCE_SEED=7 {command}"));
        subject.jobs = 2000;
        let variables = "SPACETIME_CONFORMANCE_SEED=7 SPACETIME_CONFORMANCE_JOBS=2000";
        assert_eq!(again(&subject, test), format!("{variables} {command}"));
    }

    #[macro_export]
    #[doc(hidden)]
    macro_rules! __listed {
        ($kind:ident; $($test:ident $rule:literal)+) => {
            (Kind::$kind, vec![$((stringify!($test), $rule)),+])
        };
    }

    #[test]
    fn every_rule_with_a_test_is_listed() {
        let lists = [
            __rules!(strategy, __listed),
            __rules!(engine, __listed),
            __rules!(policy, __listed),
            __rules!(transport, __listed),
        ];
        for (kind, listed) in lists {
            let rules: Vec<&str> =
                rules_for(kind).filter(|rule| rule.has_test()).map(|rule| rule.id).collect();
            let ids: Vec<&str> = listed.iter().map(|(_, id)| *id).collect();
            assert_eq!(ids, rules, "{kind}");
            for (test, id) in listed {
                let prefix = id.to_lowercase().replace('-', "_");
                assert!(test.starts_with(&prefix), "{test} is named after {id}");
            }
        }
    }
}

//! Components that each break one rule of their kind, and an honest twin of
//! each kind: the conformance kit must find the first, and nothing about the
//! others. The README lists them.

#![deny(unsafe_code)]

mod any;
mod engine;
mod policy;
mod strategy;
mod transport;

spacetime_sdk::export_plugin! {
    strategy "honest": strategy::Honest, "Plans all leaves";
    strategy "needing": any::Needing, "Plans all leaves, given a config";
    strategy "outside": strategy::Outside, "Its last span is a leaf too long";
    strategy "picky": strategy::Picky, "Refuses an ordinary plot";
    strategy "overlapping": strategy::Overlapping, "Plans some leaves twice";
    strategy "overlapping-declared": strategy::Declared, "Plans some leaves twice, and says so";
    strategy "endless": strategy::Endless, "Begins anew at the end";
    strategy "undone": strategy::Undone, "Plans on when it is done";
    strategy "by-chance": strategy::ByChance, "Plans by chance";
    strategy "continuing": strategy::Continuing, "Goes on with the plan before";
    strategy "boasting": strategy::Boasting, "Estimates more than it plans";
    strategy "dividing": strategy::Dividing, "Divides by the time that has passed";
    strategy "arranging-twice": strategy::ArrangingTwice, "Gives a plot two turns";
    strategy "whole-batches": strategy::WholeBatches, "Knows whole batches only";
    strategy "small-numbers": strategy::SmallNumbers, "Counts leaves in 32 bits";
    strategy "few-drives": strategy::FewDrives, "Has a table of 1000 drives";
    strategy "punctual": strategy::Punctual, "Refuses jobs that begin late";
    strategy "deaf": strategy::Deaf, "Finishes its work when the job is over";
    strategy "ambitious": strategy::Ambitious, "Takes a budget for an order";
    strategy "dropping": strategy::Dropping, "Forgets spans that do not fit";
    strategy "dropping-long": strategy::DroppingLong, "Forgets long spans that do not fit";
    strategy "shared": strategy::Shared, "Its instances share their position";
    strategy "thread-bound": strategy::ThreadBound, "Keeps its position per thread";
    strategy "hoarding": strategy::Hoarding, "Keeps a page of every job";
    strategy "closed": any::Closed, "Cannot be opened";
    strategy "aborting": any::Aborting, "Aborts the process at a certain plot";
    strategy "hanging": any::Hanging, "Hangs at a certain plot";
    strategy "stuck": any::Stuck, "Never returns from plan";
    strategy "slow": any::Slow, "Takes two seconds for each call of plan";
    strategy "panicking": any::Panicking, "Panics on a thread of its own";
    strategy "tripping": any::Tripping, "Panics whenever it plans";
    strategy "falling": any::Falling, "Panics when it is dropped";
    strategy "printing": any::Printing, "Prints on stdout";
    strategy "taking-anything": any::TakingAnything, "Takes any field for one of its config's";
    strategy "taking-zero": any::TakingZero, "Takes a step of 0, and divides by it";
    strategy "misleading-default": any::MisleadingDefault, "Tells a default that it refuses";
    strategy "surprised": any::Surprised, "Panics at a config that is a list";
    strategy "working-on": any::WorkingOn, "Its thread works on for ever";
    strategy "alone": any::Alone, "Wants to be the only instance";
    strategy "littering": any::Littering, "Leaves memory behind when it is dropped";
    engine "honest": engine::Honest, "Scores with plain SHA-256";
    engine "overlooking": engine::Overlooking, "Overlooks the last of 1000 leaves";
    engine "or-equal": engine::OrEqual, "Counts scores that equal the bound";
    engine "last-of-equals": engine::LastOfEquals, "Takes the last of equal scores";
    engine "never-empty": engine::NeverEmpty, "Refuses batches without leaves";
    engine "aligned": engine::Aligned, "Refuses leaves at odd addresses";
    engine "deaf": engine::Deaf, "Takes no notice of the flag";
    engine "unlocked": engine::Unlocked, "Shares its challenge among threads";
    engine "remembering": engine::Remembering, "Finds nothing worse than before";
    engine "hoarding": engine::Hoarding, "Keeps a page of every batch";
    policy "honest": policy::Honest, "As many as fit";
    policy "twice": policy::Twice, "Takes the first twice";
    policy "picky": policy::Picky, "Refuses an ordinary list";
    policy "greedy": policy::Greedy, "Takes more than fit";
    policy "by-chance": policy::ByChance, "In the order of a hash table";
    policy "never-empty": policy::NeverEmpty, "Refuses lists without candidates";
    policy "slow": policy::Slow, "Thinks about each candidate";
    policy "adding": policy::Adding, "Adds amounts and fees without a thought";
    policy "trusting": policy::Trusting, "Trusts that no transaction is there twice";
    policy "speechless": policy::Speechless, "Vetoes without a reason";
    policy "filtering": policy::Filtering, "Leaves out what pays too little, not what follows it";
    policy "hoarding": policy::Hoarding, "Keeps a page of every block";
    transport "honest": transport::Honest, "Rejects what is submitted";
    transport "tripping": transport::Tripping, "Panics in every session";
    transport "slow-to-end": transport::SlowToEnd, "Takes a second and a half to end";
    transport "eager": transport::Eager, "Does not wait for a busy host";
    transport "undaunted": transport::Undaunted, "Goes on when the host is gone";
    transport "lingering": transport::Lingering, "Tells events after its end";
    transport "collecting": transport::Collecting, "Collects requests without bounds";
    transport "answering-twice": transport::AnsweringTwice, "Gives two verdicts";
    transport "hopeless": transport::Hopeless, "Brings a challenge that nothing wins";
    transport "checking-badly": transport::CheckingBadly, "Panics when it checks";
    transport "beside-the-point": transport::BesideThePoint, "Answers another question";
    transport "locking": transport::Locking, "Never gives its folder back";
    transport "believing": transport::Believing, "Allocates whatever its peer announces";
    transport "hoarding": transport::Hoarding, "Keeps a page of every request";
}

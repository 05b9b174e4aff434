//! The queue before a peer's socket, and what comes out of it.

use serde_json::{Value, json};
use spacetime_protocol::{
    relay::{Priority, PriorityQueue, QueueLimits},
    wire::Kind,
};

use crate::{
    common::{Answer, Case},
    number, results, steps, text, unknown,
};

fn priority(name: &Value) -> Priority {
    match text(name) {
        "critical" => Priority::Critical,
        "high" => Priority::High,
        "normal" => Priority::Normal,
        "low" => Priority::Low,
        other => panic!("unknown priority {other}"),
    }
}

pub(crate) fn queue(case: &Case) -> Answer {
    let entries = usize::try_from(case.int("capacity_per_priority")).unwrap();
    let mut queue = PriorityQueue::new(QueueLimits { entries, bytes: usize::MAX });
    let step = |step: &Value| {
        if let Some(label) = step.get("enqueue") {
            queue.push(priority(&step["priority"]), label.clone(), 1);
            queue.len().into()
        } else if step.get("dequeue").is_some() {
            queue.pop().unwrap_or_default()
        } else {
            unknown(case, step)
        }
    };
    results(steps(case).iter().map(step).collect())
}

/// A queue whose owner waits for something to send. The owner is served as
/// soon as there is something, as the reference's waiting dequeue should be.
struct Idle<'a> {
    queue: PriorityQueue<&'a str>,
    waits: bool,
    /// What the owner that waited was given, until the case asks for it.
    served: Option<&'a str>,
}

impl<'a> Idle<'a> {
    fn step(&mut self, case: &Case, step: &'a Value) -> Value {
        if let Some(label) = step.get("enqueue") {
            self.queue.push(priority(&step["priority"]), text(label), 1);
            if self.waits {
                self.served = self.queue.pop();
                self.waits = false;
            }
            self.queue.len().into()
        } else if step.get("start_dequeue").is_some() {
            self.served = self.queue.pop();
            self.waits = self.served.is_none();
            "waiting".into()
        } else if step.get("finish_dequeue").is_some() {
            let label = self.served.take().or_else(|| self.queue.pop());
            // One that gets nothing goes on waiting.
            self.waits = label.is_none();
            label.unwrap_or("nothing").into()
        } else {
            unknown(case, step)
        }
    }
}

pub(crate) fn idle(case: &Case) -> Answer {
    let queue = PriorityQueue::new(QueueLimits::DEFAULT);
    let mut idle = Idle { queue, waits: false, served: None };
    let ours = steps(case).iter().map(|step| idle.step(case, step)).collect::<Vec<_>>();
    let asked = |step: &&Value| step.get("finish_dequeue").is_some();
    let came = |results: &[Value]| {
        let results = steps(case).iter().zip(results).filter(|(step, _)| asked(step));
        results.map(|(_, label)| label.clone()).collect::<Vec<_>>()
    };
    if !loses(case) {
        return results(ours);
    }
    // Of ours every take yields something while there is something, and what
    // is left is all the rest.
    let mut labels = came(&ours);
    labels.retain(|label| label != "nothing");
    labels.extend(idle.served.take().map(Value::from));
    labels.extend(std::iter::from_fn(|| idle.queue.pop()).map(Value::from));
    let mut enqueued =
        steps(case).iter().filter_map(|step| step.get("enqueue")).cloned().collect::<Vec<_>>();
    let by_text = |label: &Value| text(label).to_owned();
    labels.sort_by_key(by_text);
    enqueued.sort_by_key(by_text);
    assert_eq!(labels, enqueued, "{}: every message, and each once", case.id);
    Answer::Except
}

/// Whether the reference loses a message (D3): a take that finds all queues
/// empty leaves a taker at each of them, of which one is served; the others
/// stay, and what comes to them is lost.
fn loses(case: &Case) -> bool {
    let mut takers: [Vec<usize>; 4] = Default::default();
    let mut queued = [0; 4];
    let (mut waiting, mut served, mut takes) = (None, false, 0);
    for step in steps(case) {
        if step.get("enqueue").is_some() {
            let at = priority(&step["priority"]) as usize;
            if takers[at].is_empty() {
                queued[at] += 1;
                continue;
            }
            if waiting != Some(takers[at].remove(0)) {
                return true;
            }
            (waiting, served) = (None, true);
            continue;
        }
        let asks = step.get("finish_dequeue").is_some();
        if asks && served {
            served = false;
        } else if let Some(queue) = queued.iter_mut().find(|queue| **queue > 0) {
            *queue -= 1;
            served = !asks;
        } else if waiting.is_none() {
            takes += 1;
            waiting = Some(takes);
            takers.iter_mut().for_each(|takers| takers.push(takes));
        }
    }
    false
}

/// Broadcasts to queues, each emptied after every message or, in a burst, at
/// the end.
pub(crate) fn delivery(case: &Case) -> Answer {
    let types = case.value("broadcast_types").as_array().expect("types are given");
    let types = types.iter().map(|byte| u8::try_from(number(byte)).unwrap()).collect::<Vec<_>>();
    let is_burst = case.int("pause_ms_between") == 0;
    let peers = usize::try_from(case.int("peers")).unwrap();
    let mut queues = vec![];
    queues.resize_with(peers, || PriorityQueue::new(QueueLimits::DEFAULT));
    let mut sent = vec![Vec::new(); peers];
    let drain = |queues: &mut Vec<PriorityQueue<u8>>, sent: &mut Vec<Vec<u8>>| {
        for (queue, sent) in queues.iter_mut().zip(sent) {
            sent.extend(std::iter::from_fn(|| queue.pop()));
        }
    };
    for byte in &types {
        let priority = Priority::of(Kind::from_byte(*byte).expect("a type"));
        for queue in &mut queues {
            assert!(queue.push(priority, *byte, 1).is_empty(), "{}: nothing is dropped", case.id);
        }
        if !is_burst {
            drain(&mut queues, &mut sent);
        }
    }
    drain(&mut queues, &mut sent);
    assert_all_delivered(case, &types, &sent, is_burst);
    let runs = case.outcome.as_ref().unwrap()["runs"].as_array().expect("runs").clone();
    if runs.iter().any(|run| number(&run["counter_relayed"]) < (types.len() * peers) as u64) {
        return Answer::Except;
    }
    let mut run = json!({
        "counter_relayed": sent.iter().map(Vec::len).sum::<usize>(),
        "counter_dropped": 0,
    });
    for (index, sent) in sent.iter().enumerate() {
        run[format!("p{}", index + 1)] = json!(sent);
    }
    Answer::Out(json!({ "runs": vec![run; runs.len()] }))
}

/// Every peer got everything, in the order of sending, or of priority where
/// all were there at once.
fn assert_all_delivered(case: &Case, types: &[u8], sent: &[Vec<u8>], is_burst: bool) {
    let mut expected = types.to_vec();
    if is_burst {
        expected.sort_by_key(|byte| Priority::of(Kind::from_byte(*byte).expect("a type")));
    }
    for sent in sent {
        assert_eq!(*sent, expected, "{}", case.id);
    }
}

//! `decode`, through the real program: tables, documents, complaints, and streams.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Instant,
};

use serde_json::{Value, json};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk/protocol/tests/fixtures");
/// A ping's frame.
const PING: &str = "110000000439300000000000008000926500000000";

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_spacetime-miner"));
    command.arg("decode").args(arguments).env_remove("SPACETIME_LOG");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn decode(arguments: &[&str]) -> Output {
    command(arguments).stdin(Stdio::null()).output().unwrap()
}

fn document(arguments: &[&str]) -> Value {
    serde_json::from_slice(&decode(&[arguments, &["--json"]].concat()).stdout).unwrap()
}

/// Feeds a stream, and gives back the verdicts.
fn stream(arguments: &[&str], input: Vec<u8>) -> Vec<Value> {
    let mut child = command(arguments).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
}

fn cases(topic: &str) -> Vec<Value> {
    let text = fs::read(Path::new(FIXTURES).join(format!("{topic}.json"))).unwrap();
    let file: Value = serde_json::from_slice(&text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

#[test]
fn a_frame_is_shown_field_by_field() {
    let shown = decode(&["frame", &format!("{PING} aabb")]);
    assert_eq!(
        String::from_utf8(shown.stdout).unwrap(),
        "frame of 21 bytes, 2 more are ignored\n\
         length     17\n\
         type       Ping\n\
         type_byte  4\n\
         nonce      12345\n\
         timestamp  1704067200\n"
    );
    assert_eq!(
        document(&["frame", PING]),
        json!({
            "ok": true, "kind": "frame", "bytes": 21, "used": 21, "length": 17, "type": "Ping",
            "type_byte": 4, "nonce": 12345, "timestamp": 1_704_067_200,
        })
    );
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    for (kind, hex, offset, field) in [
        ("frame", "", 0, "length"),
        ("frame", "0100", 2, "length"),
        ("frame", "01000000", 4, "type"),
        ("frame", "0000000004", 0, "length"),
        ("frame", "0300000006aabb", 4, "type"),
        ("frame", "1100000004aabb", 7, "payload"),
        ("frame", "05000000ff6e6f7065", 4, "type"),
        ("frame", "01000000ff", 4, "type"),
        ("frame", "06000000320000000001", 5, "maximum of transactions"),
        ("frame", "180000000101000000800092650000000002000000c2a00100000062", 17, "node id"),
        ("message", "", 0, "type"),
        ("message", "06", 0, "type"),
        ("message", "ff6e6f", 0, "type"),
        ("message", "110100000004000000c0a80101", 13, "port"),
        ("message", "22aa", 1, "block hash"),
        ("header", "01", 1, "parent hash"),
        ("plot-header", "aa", 1, "header"),
        ("cache", "4d4b544302", 4, "version"),
        ("block", "zz", 0, "hex"),
        ("block", "00112z", 2, "hex"),
    ] {
        let output = decode(&[kind, hex, "--json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["ok"], false, "{kind} {hex}");
        assert_eq!(document["kind"], kind);
        assert_eq!(
            (&document["offset"], &document["field"]),
            (&json!(offset), &json!(field)),
            "{kind} {hex}: {document}"
        );
        assert_eq!(output.status.code(), Some(12));
        let complaint = String::from_utf8(output.stderr).unwrap();
        let error = document["error"].as_str().unwrap();
        assert_eq!(
            complaint,
            format!("error: this is no {kind}: {field} at offset {offset}: {error}\n")
        );
        assert!(decode(&[kind, hex]).stdout.is_empty());
    }
}

#[test]
fn a_kind_that_is_none_is_refused_with_2() {
    for arguments in [&["plot", "00"][..], &["-", "00"], &[]] {
        let output = decode(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
}

/// Fields to be found, or that the bytes are refused.
type Fields = Option<Vec<(&'static str, Value)>>;

/// Kind, bytes and fields of every case that gives bytes.
fn expected() -> Vec<(&'static str, String, Fields)> {
    let mut all = Vec::new();
    let mut push = |kind, hex: Option<String>, case: &Value, fields: &[(&'static str, &str)]| {
        let out = &case["out"];
        let fields = fields
            .iter()
            .map(|(name, path)| (*name, out.pointer(path).cloned().unwrap_or_default()));
        let verdict = if out.is_object() { Some(fields.collect()) } else { None };
        all.extend(hex.map(|hex| (kind, hex, verdict)));
    };
    let hex = |value: &Value| value.as_str().map(str::to_owned);
    for case in cases("messages").iter().filter(|case| case["op"] == "decode") {
        let byte = case["in"]["type_byte"].as_u64().unwrap();
        let payload = hex(&case["in"]["payload"]);
        push("message", payload.map(|payload| format!("{byte:02x}{payload}")), case, &[]);
    }
    for case in cases("headers").iter().filter(|case| case["op"] == "deserialize") {
        let fields = [
            "version",
            "parent_hash",
            "height",
            "timestamp",
            "difficulty",
            "epoch",
            "challenge",
            "plot_root",
            "proof_score",
            "tx_root",
            "miner_id",
            "signature",
            "hash",
        ];
        let paths = fields.map(|name| (name, format!("/{name}")));
        let paths: Vec<_> = paths.iter().map(|(name, path)| (*name, path.as_str())).collect();
        push("header", hex(&case["in"]["bytes"]), case, &paths);
    }
    for case in cases("transactions").iter().filter(|case| case["op"] == "deserialize") {
        let fields =
            ["version", "sender", "recipient", "amount", "nonce", "fee", "signature", "hash"];
        let paths = fields.map(|name| (name, format!("/{name}")));
        let paths: Vec<_> = paths.iter().map(|(name, path)| (*name, path.as_str())).collect();
        push("transaction", hex(&case["in"]["bytes"]), case, &paths);
    }
    for case in cases("block_proofs").iter().filter(|case| case["op"] == "proof_deserialize") {
        let paths = [
            ("leaf_value", "/leaf_value"),
            ("leaf_index", "/leaf_index"),
            ("siblings", "/siblings"),
            ("sibling_is_right", "/sibling_is_right"),
            ("used", "/consumed"),
        ];
        push("block-proof", hex(&case["in"]["bytes"]), case, &paths);
    }
    for case in cases("blocks").iter().filter(|case| case["op"] == "deserialize") {
        push("block", hex(&case["in"]["bytes"]), case, &[("used", "/consumed")]);
    }
    all
}

#[test]
fn a_stream_of_the_reference_data_is_judged_as_the_reference_does() {
    let expected = expected();
    assert!(expected.len() > 1300, "{} cases", expected.len());
    let line =
        |(kind, hex, _): &(&str, String, _)| format!("{}\n", json!({ "kind": kind, "hex": hex }));
    let verdicts = stream(&["-"], expected.iter().map(line).collect::<String>().into_bytes());
    assert_eq!(verdicts.len(), expected.len());
    for (verdict, (kind, hex, theirs)) in verdicts.iter().zip(&expected) {
        assert_eq!(verdict["ok"], theirs.is_some(), "{kind} {hex}: {verdict}");
        assert_eq!(verdict["kind"], *kind);
        let bytes = hex.len() / 2;
        match theirs {
            Some(fields) => {
                assert_eq!(verdict["bytes"], bytes);
                assert!(verdict["used"].as_u64().unwrap() <= bytes as u64);
                for (name, value) in fields {
                    assert_eq!(verdict[name], *value, "{name} of {kind} {hex}");
                }
            }
            None => {
                assert!(
                    verdict["offset"].as_u64().unwrap() <= bytes as u64,
                    "{kind} {hex}: {verdict}"
                );
                assert!(!verdict["error"].as_str().unwrap().is_empty());
                assert!(!verdict["field"].as_str().unwrap().is_empty());
            }
        }
    }
}

#[test]
fn no_line_stops_a_stream() {
    let long = "00".repeat(17 << 20);
    let lines = [
        r#"{"kind":"message","hex":"03"}"#,
        r#"{"kind":"message","hex":"03","note":"more is ignored"}"#,
        r#"{"hex":"0100000003"}"#,
        "0100000003",
        "  0100000003\r",
        "",
        "{",
        r#"{"kind":"frame"}"#,
        r#"{"kind":"fram","hex":""}"#,
        r#"{"kind":"frame","hex":7}"#,
        "{\"kind\":\"frame\",\"hex\":\"\u{1}\"}",
        "not hex at all",
        &long,
        "0100000003",
    ];
    let mut input = lines.join("\n").into_bytes();
    input.extend(b"\n\xff\xfe\n0100000003");
    let verdicts = stream(&["frame"], input.clone());
    let ok: Vec<bool> = verdicts.iter().map(|verdict| verdict["ok"] == true).collect();
    let all_ok: Vec<usize> = (0..ok.len()).filter(|line| ok[*line]).collect();
    assert_eq!((ok.len(), all_ok), (16, vec![0, 1, 2, 3, 4, 13, 15]));
    assert!(verdicts[12]["error"].as_str().unwrap().contains("longer than 33558528 bytes"));
    assert!(verdicts[8]["error"].as_str().unwrap().contains("block-proof"));
    // Without a kind for all, lines that name none are refused, and nothing else.
    let verdicts = stream(&["-", "-"], input);
    let ok: Vec<usize> = (0..verdicts.len()).filter(|line| verdicts[*line]["ok"] == true).collect();
    assert_eq!((verdicts.len(), ok), (16, vec![0, 1]));
}

#[test]
fn a_line_is_answered_before_the_next_one_comes() {
    let mut child = command(&["frame", "-"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    for _ in 0..3 {
        writeln!(stdin, "{PING}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.starts_with(r#"{"ok":true,"kind":"frame""#), "{line}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_hundred_thousand_lines_take_seconds() {
    let line = format!("{}\n", json!({ "kind": "frame", "hex": PING }));
    let started = Instant::now();
    let verdicts = stream(&["-"], line.repeat(100_000).into_bytes());
    assert_eq!(verdicts.len(), 100_000);
    assert!(verdicts.iter().all(|verdict| verdict["nonce"] == 12345));
    let seconds = started.elapsed().as_secs();
    assert!(seconds < 60, "{seconds} s");
}

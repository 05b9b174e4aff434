//! A node that says what a test tells it to, on a real socket, and keeps what
//! it hears.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use crate::process::PATIENCE;

/// One connection, as the node sees it.
pub struct Connection {
    /// None: it was reset.
    stream: Option<Arc<TcpStream>>,
    /// Whole frames that came, oldest first, and their connection's end.
    pub frames: Vec<Vec<u8>>,
    /// Whether nothing more can come.
    pub has_ended: bool,
}

/// A node that listens.
pub struct Scripted {
    address: SocketAddr,
    events: Receiver<(usize, Heard)>,
    /// In the order in which they were accepted.
    pub connections: Vec<Connection>,
}

/// What a frame is answered with.
pub type Answer = dyn Fn(&[u8]) -> Vec<Vec<u8>> + Send + Sync;

enum Heard {
    Connected(Arc<TcpStream>),
    Frame(Vec<u8>),
    End,
}

impl Scripted {
    /// Listens on an address; port 0: any.
    ///
    /// # Panics
    ///
    /// If it cannot.
    pub fn listen(address: SocketAddr) -> Self {
        Self::answering(address, Arc::new(|_| Vec::new()))
    }

    /// One that answers every frame at once, with these bytes.
    ///
    /// # Panics
    ///
    /// If it cannot listen.
    pub fn answering(address: SocketAddr, answer: Arc<Answer>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, events) = mpsc::channel();
        // Ends with the test's process, or when nobody listens any more.
        thread::spawn(move || {
            for (number, stream) in listener.incoming().flatten().enumerate() {
                stream.set_nodelay(true).unwrap();
                let stream = Arc::new(stream);
                let reader = stream.clone();
                if sender.send((number, Heard::Connected(stream))).is_err() {
                    return;
                }
                let (sender, answer) = (sender.clone(), answer.clone());
                thread::spawn(move || read(number, reader, &sender, &*answer));
            }
        });
        Self { address, events, connections: Vec::new() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes in what has happened until a condition holds.
    ///
    /// # Panics
    ///
    /// If it does not within [`PATIENCE`].
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        assert!(self.happens_within(PATIENCE, condition), "in vain: {what}");
    }

    /// Takes in what happens; whether a condition held before the time was over.
    ///
    /// # Panics
    ///
    /// If the listener has failed.
    pub fn happens_within(&mut self, time: Duration, condition: impl Fn(&Self) -> bool) -> bool {
        let deadline = Instant::now() + time;
        while !condition(self) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok((number, heard)) => self.take(number, heard),
                Err(mpsc::RecvTimeoutError::Timeout) => return false,
                Err(mpsc::RecvTimeoutError::Disconnected) => panic!("the listener has failed"),
            }
        }
        true
    }

    fn take(&mut self, number: usize, heard: Heard) {
        match heard {
            Heard::Connected(stream) => {
                assert_eq!(number, self.connections.len(), "they come in their order");
                let connection =
                    Connection { stream: Some(stream), frames: Vec::new(), has_ended: false };
                self.connections.push(connection);
            }
            Heard::Frame(frame) => self.connections[number].frames.push(frame),
            Heard::End => self.connections[number].has_ended = true,
        }
    }

    /// Writes to a connection, at once; that it is gone is for the test to see.
    pub fn send(&mut self, connection: usize, bytes: &[u8]) {
        if let Some(mut stream) = self.connections[connection].stream.as_deref() {
            // The other side may have closed it for what came before.
            let _ = stream.write_all(bytes);
        }
    }

    /// Closes a connection in order.
    pub fn close(&self, connection: usize) {
        self.shutdown(connection, Shutdown::Both);
    }

    /// Closes one direction of a connection: nothing more is sent.
    pub fn shutdown_send(&self, connection: usize) {
        self.shutdown(connection, Shutdown::Write);
    }

    fn shutdown(&self, connection: usize, how: Shutdown) {
        if let Some(stream) = &self.connections[connection].stream {
            // The other side may have closed it.
            let _ = stream.shutdown(how);
        }
    }

    /// Breaks a connection: the other side is told that it was reset.
    ///
    /// # Panics
    ///
    /// If the system refuses.
    pub fn reset(&mut self, connection: usize) {
        let stream = self.connections[connection].stream.take().expect("it is open");
        // Ends the reader, and tells the other side nothing.
        stream.shutdown(Shutdown::Read).unwrap();
        self.wait_until("the reader's end", |node| node.connections[connection].has_ended);
        socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO)).unwrap();
        assert_eq!(Arc::strong_count(&stream), 1, "closing it is up to us");
    }
}

fn read(number: usize, stream: Arc<TcpStream>, events: &Sender<(usize, Heard)>, answer: &Answer) {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 16 << 10]);
    while let Ok(read @ 1..) = (&*stream).read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..read]);
        while let Some(frame) = cut(&mut bytes) {
            for answer in answer(&frame) {
                // That it is gone is found out by reading.
                let _ = (&*stream).write_all(&answer);
            }
            if events.send((number, Heard::Frame(frame))).is_err() {
                return;
            }
        }
    }
    drop(stream);
    // The test may have ended.
    let _ = events.send((number, Heard::End));
}

/// Takes a whole frame from the front.
fn cut(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?);
    let end = 4 + usize::try_from(length).ok()?;
    (bytes.len() >= end).then(|| bytes.drain(..end).collect())
}

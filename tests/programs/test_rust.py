#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Rust's standard library: a threaded server, clients with timeouts, cloned and shut down streams,
datagrams."""
import pathlib

from harness import expect, main

SOURCE = r"""
use std::io::{ErrorKind, Read, Write};
use std::net::*;
use std::thread;
use std::time::Duration;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let address: IpAddr = args[1].parse().unwrap();
    let (count, size): (usize, usize) = (args[2].parse().unwrap(), args[3].parse().unwrap());
    let listener = TcpListener::bind((address, 0)).unwrap();
    let to = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                let mut got = Vec::new();
                stream.read_to_end(&mut got).unwrap();
                stream.write_all(&got).unwrap();
            });
        }
    });
    let clients: Vec<_> = (0..count).map(|i| thread::spawn(move || {
        let sent: Vec<u8> = (0..size + i).map(|n| (n * 7 + i) as u8).collect();
        let stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        assert!(stream.nodelay().unwrap());
        let (mut writer, mut reader) = (stream.try_clone().unwrap(), stream);
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        reader.read_to_end(&mut got).unwrap();
        assert!(got == sent);
    })).collect();
    for client in clients {
        client.join().unwrap();
    }

    let quiet = TcpStream::connect(to).unwrap();
    quiet.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert_eq!((&quiet).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    quiet.set_nonblocking(true).unwrap();
    assert_eq!((&quiet).read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let refused = TcpStream::connect_timeout(&SocketAddr::new(address, 1), Duration::from_secs(30));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused);

    let (a, b) = (UdpSocket::bind((address, 0)).unwrap(), UdpSocket::bind((address, 0)).unwrap());
    a.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut buffer = [0; 100];
    let (n, from) = loop {
        b.send_to(b"hello", a.local_addr().unwrap()).unwrap();
        if let Ok(got) = a.recv_from(&mut buffer) {
            break got;
        }
    };
    assert_eq!((&buffer[..n], from), (&b"hello"[..], b.local_addr().unwrap()));
    println!("all well");
}
"""


def body(case, programs):
    count, size = (4, 20_000) if case.lossy else (40, 500_000)
    pathlib.Path("sockets.rs").write_text(SOURCE)
    programs.run("rustc", "-C", "opt-level=1", "-o", "sockets", "sockets.rs", seconds=240)
    expect("the program", programs.run("./sockets", case.address, count, size, seconds=300), "all well\n")


main(body, ["rustc"])

#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""OpenJDK: a server by NIO selector, clients by blocking sockets and by HttpClient, a channel closed while
another thread reads it, datagrams."""
import pathlib

from harness import expect, main

SOURCE = r"""
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.util.*;
import java.util.concurrent.*;

public class Sockets {
    static InetAddress address;

    /* Sends back what it reads, by one thread for all. */
    static void echo(ServerSocketChannel listener) throws Exception {
        Selector selector = Selector.open();
        listener.configureBlocking(false);
        listener.register(selector, SelectionKey.OP_ACCEPT);
        while (listener.isOpen()) {
            selector.select();
            for (Iterator<SelectionKey> i = selector.selectedKeys().iterator(); i.hasNext();) {
                SelectionKey key = i.next();
                i.remove();
                if (key.isAcceptable()) {
                    SocketChannel channel = listener.accept();
                    channel.configureBlocking(false);
                    channel.register(selector, SelectionKey.OP_READ, ByteBuffer.allocate(65536));
                    continue;
                }
                SocketChannel channel = (SocketChannel) key.channel();
                ByteBuffer buffer = (ByteBuffer) key.attachment();
                if (key.isReadable() && channel.read(buffer) < 0 && buffer.position() == 0) {
                    channel.close();
                    continue;
                }
                buffer.flip();
                channel.write(buffer);
                buffer.compact();
                key.interestOps(buffer.position() > 0 ? SelectionKey.OP_WRITE : SelectionKey.OP_READ);
            }
        }
    }

    static int client(int port, int size) throws Exception {
        byte[] sent = new byte[size];
        new Random(size).nextBytes(sent);
        try (Socket socket = new Socket(address, port)) {
            Thread writer = new Thread(() -> {
                try {
                    socket.getOutputStream().write(sent);
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            });
            writer.start();
            byte[] got = socket.getInputStream().readNBytes(size);
            writer.join();
            if (!Arrays.equals(sent, got))
                throw new Exception("not what was sent");
            return got.length;
        }
    }

    static void closedWhileReading(int port) throws Exception {
        SocketChannel channel = SocketChannel.open(new InetSocketAddress(address, port));
        Future<String> reader = Executors.newSingleThreadExecutor().submit(() -> {
            try {
                channel.read(ByteBuffer.allocate(1));
                return "read";
            } catch (AsynchronousCloseException e) {
                return "closed";
            }
        });
        Thread.sleep(300);
        channel.close();
        if (!reader.get(30, TimeUnit.SECONDS).equals("closed"))
            throw new Exception("the reader does not hear of the close");
        try {
            new Socket(address, 1).close();
            throw new Exception("connected to nobody");
        } catch (ConnectException e) {
            System.out.println(e.getMessage());
        }
    }

    static void datagrams() throws Exception {
        try (DatagramSocket a = new DatagramSocket(0, address); DatagramSocket b = new DatagramSocket(0, address)) {
            a.setSoTimeout(200);
            DatagramPacket got = new DatagramPacket(new byte[100], 100);
            for (int i = 0; ; i++) {
                b.send(new DatagramPacket("hello".getBytes(), 5, address, a.getLocalPort()));
                try {
                    a.receive(got);
                    break;
                } catch (SocketTimeoutException e) {
                    if (i == 100)
                        throw e;
                }
            }
            System.out.println(new String(got.getData(), 0, got.getLength()));
        }
    }

    static void http(String where) throws Exception {
        var server = com.sun.net.httpserver.HttpServer.create(new InetSocketAddress(address, 8001), 0);
        server.createContext("/", exchange -> {
            byte[] body = exchange.getRequestBody().readAllBytes();
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        var waiting = new ArrayList<CompletableFuture<HttpResponse<String>>>();
        for (int i = 0; i < 20; i++)
            waiting.add(client.sendAsync(HttpRequest.newBuilder(URI.create("http://" + where + ":8001/"))
                .POST(HttpRequest.BodyPublishers.ofString("x".repeat(i * 1000))).build(),
                HttpResponse.BodyHandlers.ofString()));
        int n = 0;
        for (var response : waiting)
            n += response.get(60, TimeUnit.SECONDS).body().length();
        System.out.println("http " + n);
        server.stop(0);
    }

    public static void main(String[] args) throws Exception {
        address = InetAddress.getByName(args[0]);
        int count = Integer.parseInt(args[2]), size = Integer.parseInt(args[3]);
        ServerSocketChannel listener = ServerSocketChannel.open().bind(new InetSocketAddress(address, 0));
        int port = ((InetSocketAddress) listener.getLocalAddress()).getPort();
        Thread server = new Thread(() -> {
            try {
                echo(listener);
            } catch (Exception e) {
                e.printStackTrace();
            }
        });
        server.setDaemon(true);
        server.start();
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<Integer>> clients = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            int length = size + i;
            clients.add(pool.submit(() -> client(port, length)));
        }
        long n = 0;
        for (Future<Integer> f : clients)
            n += f.get(240, TimeUnit.SECONDS);
        System.out.println("echoed " + n);
        closedWhileReading(port);
        datagrams();
        http(args[1]);
        System.exit(0);
    }
}
"""


def body(case, programs):
    count, size = (4, 20_000) if case.lossy else (40, 500_000)
    pathlib.Path("Sockets.java").write_text(SOURCE)
    programs.run("javac", "-d", ".", "Sockets.java", seconds=240)
    where = case.at(80).rsplit(":", 1)[0]
    said = programs.run("java", "-Xmx256m", "-cp", ".", "Sockets", case.address, where, count, size, seconds=300)
    expect("what it said", said, f"echoed {count * size + count * (count - 1) // 2}\nConnection refused\n"
                                 f"hello\nhttp {190_000}\n")


main(body, ["java", "javac"])

/** The faults of senders, each with its text for the server's own log and the way to mend it. */
export type Cause = keyof typeof causes;

export const causes = {
  tls: {
    what: "a syslog connection was closed: it speaks TLS, and this port does not",
    mend: "Let it send plain TCP to this port, or TLS to that of --syslog-tls.",
  },
  http: {
    what: "a syslog connection was closed: it speaks HTTP",
    mend: "Let it POST to /logs at the address of --http.",
  },
  http2: {
    what: "a connection to the address of --http was closed: it speaks HTTP/2, as gRPC does",
    mend: "Let an exporter of OpenTelemetry send over HTTP (OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf), others HTTP/1.1.",
  },
  syslog_to_http: {
    what: "a connection to the address of --http was closed: it brought syslog",
    mend: "Let it send to the address of --syslog, --syslog-tls or --relp.",
  },
  not_tls: {
    what: "a connection was closed: it speaks no TLS, and this port does",
    mend: "Let it speak TLS 1.2 or 1.3 to this port, or plain TCP to that of --syslog.",
  },
  tls_handshake: {
    what: "a connection was closed: its TLS handshake failed",
    mend: "It may not trust the certificate of --tls-cert (give it the authority), know another name, or speak TLS below 1.2.",
  },
  client_certificate: {
    what: "a connection was closed: its client certificate does not hold",
    mend: "Let it show one of --tls-client-ca that has not expired, or none.",
  },
  not_relp: {
    what: "a RELP connection was closed: it does not speak RELP",
    mend: "Let rsyslog send with omrelp to this port; other syslog goes to that of --syslog.",
  },
  udp_full: {
    what: "datagrams of syslog senders are dropped: those before them wait for the log, or for their tokens to be looked up",
    mend: "UDP has no answer to give: use TCP, TLS or RELP for senders that must not lose lines.",
  },
  no_token: {
    what: "a syslog sender's lines are dropped: they name no token",
    mend: 'Let it write a token of the app (tailrace tokens -a APP) as APPNAME, as the tag of BSD syslog, or in structured data as [tailrace@32473 token="…"]; --syslog-default-token takes lines without one.',
  },
  unknown_token: {
    what: "a syslog sender's lines are dropped: nobody knows the token that they name",
    mend: "Give it a token that the app has (tailrace tokens -a APP); this one was revoked, mistyped, or is another server's.",
  },
  not_admitted: {
    what: "a request over HTTP was refused: it names no token, one that nobody knows, or a key that may not write",
    mend: "Let it send a token of the app (tailrace tokens -a APP) as the password of user `token`, or as Bearer.",
  },
  unreadable: {
    what: "a sender's lines are stored as text: their heads are no syslog",
    mend: "Let it write RFC 5424: <PRI>1 TIME HOST APPNAME PROCID MSGID SD MSG.",
  },
  drain_loop: {
    what: "lines that a drain of this server sent came back and were refused",
    mend: "Remove the drain that leads back here; the app's own log names it.",
  },
  frame_too_long: {
    what: "a syslog connection was closed: a frame is longer than may be",
    mend: "Let it cut messages at 256 KiB, or check that it writes lengths in bytes.",
  },
  unfinished: {
    what: "a syslog connection ended within a frame",
    mend: "Its lengths may count characters instead of bytes, or the sender was cut off: then it sends the rest again.",
  },
  too_slow: {
    what: "a syslog connection was closed: a frame that had begun did not end in time",
    mend: "Its lengths may count characters instead of bytes, or count the newline twice.",
  },
  no_room: {
    what: "a syslog connection was closed: unfinished frames took all the room that there is for them",
    mend: "It was the one that had kept its frame for longest. Let it write frames whole.",
  },
  no_token_in_time: {
    what: "a syslog connection was closed: it brought no frame with a known token in time",
    mend: "Let it connect when it has something to send, with a token of an app as APPNAME.",
  },
  too_many_of_address: {
    what: "a syslog connection was closed: there are too many from its address",
    mend: "Let it keep one connection open for many lines.",
  },
  too_many: {
    what: "a syslog connection was closed: there are too many in all",
    mend: "Let senders keep one connection open for many lines; more ingest nodes take more.",
  },
  request_id_reused: {
    what: "another request came under the id of one that is stored; it was stored too",
    mend: "Let the sender make a new Logplex-Frame-Id (or X-Request-Id) for each body, and repeat it only with the same bytes; a proxy may have set it.",
  },
} as const;

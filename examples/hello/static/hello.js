// Shows that the WebSocket works, and reloads the page when another release answers.
const socketLine = document.querySelector("#websocket");
const release = document.querySelector("#release").textContent;

function show(text, kind) {
  socketLine.textContent = text;
  socketLine.className = kind;
}

async function newRelease() {
  try {
    const answer = await fetch("health", { cache: "no-store" });
    return (await answer.json()).release !== release;
  } catch {
    return false; // Not reachable at this moment: connect() tries again.
  }
}

function connect() {
  const address = new URL("ws", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  const socket = new WebSocket(address);
  let sent = 0;
  socket.onopen = async () => {
    if (await newRelease()) {
      location.reload();
      return;
    }
    sent = performance.now();
    socket.send("hello");
  };
  socket.onmessage = () => show(`echo in ${Math.max(1, Math.round(performance.now() - sent))} ms`, "good");
  // A new release closes the WebSockets of the previous one. The client must reconnect.
  socket.onclose = () => {
    show("not connected, trying again…", "bad");
    setTimeout(connect, 2000);
  };
}

connect();

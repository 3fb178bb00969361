// One MQTT 5.0 connection, packet by packet: the tests of faults must know exactly what was said and what was answered.
import net from 'node:net';
import packets from 'mqtt-packet';

const v5 = { protocolVersion: 5 };

export class Wire {
  /** Calls on.packet(packet) for each that arrives, and on.close() once. */
  constructor(to, on) {
    this.open = true;
    this.pending = [];
    this.socket = net.connect({ host: to.host, port: to.port, noDelay: true });
    const parser = packets.parser(v5);
    parser.on('packet', (packet) => on.packet(packet));
    this.socket.on('data', (data) => { if (this.open) parser.parse(data); });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      if (!this.open) return;
      this.open = false;
      on.close();
    });
  }

  /** What is sent in one turn goes out in one write. */
  send(packet) {
    if (!this.open) return;
    if (!this.pending.length) setImmediate(() => this.flush());
    this.pending.push(packets.generate(packet, v5));
  }

  flush() {
    if (this.open && this.pending.length) this.socket.write(Buffer.concat(this.pending));
    this.pending = [];
  }

  /** Gone without a word; on.close() is not called. */
  drop() {
    this.open = false;
    this.pending = [];
    this.socket.destroy();
  }
}

// How far standbys and slots are behind, seen from the primary and from the standby.
const legend = '{{application_name}} {{client_addr}}';

export default {
  uid: 'pgtend-replication',
  title: 'pgtend / Replication',
  description: 'Standbys, replication slots and archiving.',
  rows: [
    {
      title: 'Seen from the primary',
      panels: [
        { title: 'WAL not replayed', unit: 'bytes', description: 'What a failover to this standby would have to replay first.', min: 0, queries: [{ expr: 'pgtend_replication_replay_gap_bytes{@i}', legend }], empty: 'no standby' },
        { title: 'WAL not sent', unit: 'bytes', description: 'What would be lost if the primary died now; the network or the standby is too slow when it grows.', min: 0, queries: [{ expr: 'pgtend_replication_sent_gap_bytes{@i}', legend }], empty: 'no standby' },
        { title: 'WAL kept for slots', unit: 'bytes', description: 'A slot that nobody reads keeps WAL until the disk is full, or max_slot_wal_keep_size cuts it off.', min: 0, queries: [{ expr: 'pgtend_slot_retained_bytes{@i}', legend: '{{slot_name}}' }], empty: 'no slot' },
        { title: 'WAL that waits for the archiver', unit: 'short', description: 'Files ready to be archived. A queue that grows fills the disk; look at archive_command.', min: 0, queries: [{ expr: 'pgtend_wal_archive_ready_files{@i}', legend: 'files' }], empty: 'not known' },
      ],
    },
    {
      title: 'Seen from the standby',
      panels: [
        { title: 'Lag', unit: 's', description: 'Age of the last transaction replayed, 0 when all that was received is replayed. PgReplicaLag fires at 30 s.', min: 0, queries: [{ expr: 'pgtend_recovery_lag_seconds{@i}', legend: '{{instance}}' }], empty: 'no standby' },
        { title: 'WAL received, not replayed', unit: 'bytes', description: 'Replay is too slow, or waits for a query of the standby.', min: 0, queries: [{ expr: 'pgtend_recovery_replay_gap_bytes{@i}', legend: '{{instance}}' }], empty: 'no standby' },
      ],
    },
  ],
};

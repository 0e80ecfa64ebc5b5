-- The tables of the index. The index is a cache of the run logs: it has neither keys nor constraints, since the
-- indexer is its only writer and the logs are the truth. Times are UTC. Text is unbounded.
-- The tables up to performance are DfAnalyzer's, with its names and its order of columns.

CREATE SCHEMA IF NOT EXISTS public;

CREATE TABLE public.meta (
    "key" VARCHAR,
    "value" VARCHAR
);
COMMENT ON TABLE public.meta IS 'Facts about the index itself.';
COMMENT ON COLUMN public.meta."key" IS 'Name of the fact.';
COMMENT ON COLUMN public.meta."value" IS 'Its value.';

CREATE TABLE public.log_directory (
    "run_id" VARCHAR,
    "changed" BIGINT,
    "is_closed" BOOLEAN
);
COMMENT ON TABLE public.log_directory IS 'Directories of runs and of declarations that the index has seen.';
COMMENT ON COLUMN public.log_directory."run_id" IS 'Name of the directory: the run''s id, or dataflow- and that of a dataflow.';
COMMENT ON COLUMN public.log_directory."changed" IS 'Time of the directory''s last change, nanoseconds since 1970.';
COMMENT ON COLUMN public.log_directory."is_closed" IS 'Whether all its files are sealed and indexed to their ends, so that only a change of the directory can bring news.';

CREATE TABLE public.log_file (
    "id" INTEGER,
    "run_id" VARCHAR,
    "writer" VARCHAR,
    "position" BIGINT,
    "is_sealed" BOOLEAN,
    "format" VARCHAR,
    "host" VARCHAR,
    "boot" VARCHAR,
    "pid" BIGINT,
    "process_started" BIGINT,
    "last_seen" TIMESTAMP
);
COMMENT ON TABLE public.log_file IS 'Log files, and how far each is indexed.';
COMMENT ON COLUMN public.log_file."id" IS 'Number of the file in this index.';
COMMENT ON COLUMN public.log_file."run_id" IS 'Run that the file belongs to.';
COMMENT ON COLUMN public.log_file."writer" IS 'Name of the writing process, the stem of the file.';
COMMENT ON COLUMN public.log_file."position" IS 'Bytes indexed so far; the next line starts here.';
COMMENT ON COLUMN public.log_file."is_sealed" IS 'Whether the last indexed line is a seal.';
COMMENT ON COLUMN public.log_file."format" IS 'Version of the log format, from the first line.';
COMMENT ON COLUMN public.log_file."host" IS 'Machine of the writing process.';
COMMENT ON COLUMN public.log_file."boot" IS 'What tells one start of that machine from the next.';
COMMENT ON COLUMN public.log_file."pid" IS 'Number of the writing process.';
COMMENT ON COLUMN public.log_file."process_started" IS 'When that process started, in the system''s own unit; tells it from a later one with the same number.';
COMMENT ON COLUMN public.log_file."last_seen" IS 'Time of the last event (UTC).';

CREATE TABLE public.log_batch (
    "number" BIGINT,
    "run_id" VARCHAR,
    "writer" VARCHAR,
    "first_byte" BIGINT,
    "end_byte" BIGINT
);
COMMENT ON TABLE public.log_batch IS 'The order in which parts of files were indexed. A rebuild follows it, so that it gives the same ids.';
COMMENT ON COLUMN public.log_batch."number" IS 'Order, from 1.';
COMMENT ON COLUMN public.log_batch."run_id" IS 'Run.';
COMMENT ON COLUMN public.log_batch."writer" IS 'File.';
COMMENT ON COLUMN public.log_batch."first_byte" IS 'First byte of the part.';
COMMENT ON COLUMN public.log_batch."end_byte" IS 'First byte behind the part.';

CREATE TABLE public.log_problem (
    "run_id" VARCHAR,
    "writer" VARCHAR,
    "position" BIGINT,
    "reason" VARCHAR,
    "line" VARCHAR
);
COMMENT ON TABLE public.log_problem IS 'Lines of log files that are no events, and files that cannot be read.';
COMMENT ON COLUMN public.log_problem."run_id" IS 'Run.';
COMMENT ON COLUMN public.log_problem."writer" IS 'File.';
COMMENT ON COLUMN public.log_problem."position" IS 'First byte of the line.';
COMMENT ON COLUMN public.log_problem."reason" IS 'What is wrong with it.';
COMMENT ON COLUMN public.log_problem."line" IS 'The line''s beginning.';

CREATE TABLE public.renumbered (
    "run_id" VARCHAR,
    "table" VARCHAR,
    "number" INTEGER,
    "id" INTEGER
);
COMMENT ON TABLE public.renumbered IS 'Rows of imported databases that have another id here, since theirs was taken, or the row was here already.';
COMMENT ON COLUMN public.renumbered."run_id" IS 'run.run_id of the import.';
COMMENT ON COLUMN public.renumbered."table" IS 'Table, for a set with its schema.';
COMMENT ON COLUMN public.renumbered."number" IS 'The id in the imported database.';
COMMENT ON COLUMN public.renumbered."id" IS 'The id here.';

CREATE TABLE public.dataflow (
    "id" INTEGER,
    "uuid" VARCHAR,
    "tag" VARCHAR
);
COMMENT ON TABLE public.dataflow IS 'Dataflows: the plans that runs execute.';
COMMENT ON COLUMN public.dataflow."id" IS 'Number in this index.';
COMMENT ON COLUMN public.dataflow."uuid" IS 'Stable identifier, the same in every index.';
COMMENT ON COLUMN public.dataflow."tag" IS 'Tag in lower case; also the name of the schema that holds its sets.';

CREATE TABLE public.dataflow_version (
    "version" INTEGER,
    "df_id" INTEGER
);
COMMENT ON TABLE public.dataflow_version IS 'Exactly one row a dataflow; DfAnalyzer''s clients read it.';
COMMENT ON COLUMN public.dataflow_version."version" IS 'Number in this index.';
COMMENT ON COLUMN public.dataflow_version."df_id" IS 'dataflow.id.';

CREATE TABLE public.data_transformation (
    "id" INTEGER,
    "df_id" INTEGER,
    "tag" VARCHAR
);
COMMENT ON TABLE public.data_transformation IS 'Transformations of dataflows.';
COMMENT ON COLUMN public.data_transformation."id" IS 'Number in this index.';
COMMENT ON COLUMN public.data_transformation."df_id" IS 'dataflow.id.';
COMMENT ON COLUMN public.data_transformation."tag" IS 'Tag in lower case.';

CREATE TABLE public.program (
    "id" INTEGER,
    "df_id" INTEGER,
    "name" VARCHAR,
    "path" VARCHAR
);
COMMENT ON TABLE public.program IS 'Programs that carry out transformations.';
COMMENT ON COLUMN public.program."id" IS 'Number in this index.';
COMMENT ON COLUMN public.program."df_id" IS 'dataflow.id.';
COMMENT ON COLUMN public.program."name" IS 'Name.';
COMMENT ON COLUMN public.program."path" IS 'Path.';

CREATE TABLE public.use_program (
    "dt_id" INTEGER,
    "program_id" INTEGER
);
COMMENT ON TABLE public.use_program IS 'Which transformation is carried out by which program.';
COMMENT ON COLUMN public.use_program."dt_id" IS 'data_transformation.id.';
COMMENT ON COLUMN public.use_program."program_id" IS 'program.id.';

CREATE TABLE public.data_set (
    "id" INTEGER,
    "df_id" INTEGER,
    "tag" VARCHAR
);
COMMENT ON TABLE public.data_set IS 'Sets of dataflows; each has a view and a table ds_<tag> in the dataflow''s schema.';
COMMENT ON COLUMN public.data_set."id" IS 'Number in this index.';
COMMENT ON COLUMN public.data_set."df_id" IS 'dataflow.id.';
COMMENT ON COLUMN public.data_set."tag" IS 'Tag in lower case.';

CREATE TABLE public.data_dependency (
    "id" INTEGER,
    "previous_dt_id" INTEGER,
    "next_dt_id" INTEGER,
    "ds_id" INTEGER
);
COMMENT ON TABLE public.data_dependency IS 'Which transformation generates a set (previous) and which one uses it (next).';
COMMENT ON COLUMN public.data_dependency."id" IS 'Number in this index.';
COMMENT ON COLUMN public.data_dependency."previous_dt_id" IS 'The generating transformation; NULL: the set comes from outside.';
COMMENT ON COLUMN public.data_dependency."next_dt_id" IS 'The using transformation; NULL: nobody uses it.';
COMMENT ON COLUMN public.data_dependency."ds_id" IS 'data_set.id.';

CREATE TABLE public.extractor (
    "id" INTEGER,
    "ds_id" INTEGER,
    "tag" VARCHAR,
    "cartridge" VARCHAR,
    "extension" VARCHAR,
    "name" VARCHAR,
    "is_declared" BOOLEAN
);
COMMENT ON TABLE public.extractor IS 'Extractors of raw data files.';
COMMENT ON COLUMN public.extractor."id" IS 'Number in this index.';
COMMENT ON COLUMN public.extractor."ds_id" IS 'data_set.id.';
COMMENT ON COLUMN public.extractor."tag" IS 'Tag.';
COMMENT ON COLUMN public.extractor."cartridge" IS 'EXTRACTION or INDEXING.';
COMMENT ON COLUMN public.extractor."extension" IS 'PROGRAM, CSV, …';
COMMENT ON COLUMN public.extractor."name" IS 'What its table ext_<name> and its columns <name>_file_id, <name>_id and <name>_filename are named after: the tag, unless that was taken.';
COMMENT ON COLUMN public.extractor."is_declared" IS 'Whether its attributes were declared; if not, they are the columns of its files.';

CREATE TABLE public.extractor_combination (
    "id" INTEGER,
    "ds_id" INTEGER,
    "outer_ext_id" INTEGER,
    "inner_ext_id" INTEGER,
    "keys" VARCHAR,
    "key_types" VARCHAR
);
COMMENT ON TABLE public.extractor_combination IS 'Pairs of extractors whose rows belong together.';
COMMENT ON COLUMN public.extractor_combination."id" IS 'Number in this index.';
COMMENT ON COLUMN public.extractor_combination."ds_id" IS 'data_set.id.';
COMMENT ON COLUMN public.extractor_combination."outer_ext_id" IS 'extractor.id.';
COMMENT ON COLUMN public.extractor_combination."inner_ext_id" IS 'extractor.id.';
COMMENT ON COLUMN public.extractor_combination."keys" IS 'Names of the common attributes, separated by semicolons.';
COMMENT ON COLUMN public.extractor_combination."key_types" IS 'Their types.';

CREATE TABLE public.attribute (
    "id" INTEGER,
    "ds_id" INTEGER,
    "extractor_id" INTEGER,
    "name" VARCHAR,
    "type" VARCHAR
);
COMMENT ON TABLE public.attribute IS 'Attributes of sets.';
COMMENT ON COLUMN public.attribute."id" IS 'Number in this index.';
COMMENT ON COLUMN public.attribute."ds_id" IS 'data_set.id.';
COMMENT ON COLUMN public.attribute."extractor_id" IS 'extractor.id, if an extractor fills it.';
COMMENT ON COLUMN public.attribute."name" IS 'Name in lower case: the column of the set''s view.';
COMMENT ON COLUMN public.attribute."type" IS 'TEXT, NUMERIC, FILE or LONG_TEXT.';

CREATE TABLE public.data_scientist (
    "id" INTEGER,
    "uuid" VARCHAR,
    "email" VARCHAR
);
COMMENT ON TABLE public.data_scientist IS 'People who run dataflows.';
COMMENT ON COLUMN public.data_scientist."id" IS 'Number in this index.';
COMMENT ON COLUMN public.data_scientist."uuid" IS 'Stable identifier.';
COMMENT ON COLUMN public.data_scientist."email" IS 'E-mail address, or the user''s name on the machine.';

CREATE TABLE public.hardware_info (
    "id" INTEGER,
    "uuid" VARCHAR,
    "hostname" VARCHAR,
    "os" VARCHAR,
    "platform" VARCHAR,
    "architecture" VARCHAR,
    "processor" VARCHAR,
    "gpus" VARCHAR,
    "in_container" BOOLEAN
);
COMMENT ON TABLE public.hardware_info IS 'Machines that runs were executed on.';
COMMENT ON COLUMN public.hardware_info."id" IS 'Number in this index.';
COMMENT ON COLUMN public.hardware_info."uuid" IS 'Stable identifier.';
COMMENT ON COLUMN public.hardware_info."hostname" IS 'Name of the machine.';
COMMENT ON COLUMN public.hardware_info."os" IS 'Operating system.';
COMMENT ON COLUMN public.hardware_info."platform" IS 'Operating system with its version.';
COMMENT ON COLUMN public.hardware_info."architecture" IS 'Kind of processor.';
COMMENT ON COLUMN public.hardware_info."processor" IS 'Name of the processor.';
COMMENT ON COLUMN public.hardware_info."gpus" IS 'Names of the graphics processors, separated by commas.';
COMMENT ON COLUMN public.hardware_info."in_container" IS 'Whether it is a container; NULL: not known.';

CREATE TABLE public.dataflow_execution (
    "id" INTEGER,
    "uuid" VARCHAR,
    "tag" VARCHAR,
    "df_id" INTEGER,
    "scientist_id" INTEGER,
    "hardware_id" INTEGER
);
COMMENT ON TABLE public.dataflow_execution IS 'Runs, as DfAnalyzer names them. Table run tells more of each.';
COMMENT ON COLUMN public.dataflow_execution."id" IS 'Number in this index.';
COMMENT ON COLUMN public.dataflow_execution."uuid" IS 'The run''s id, run.run_id.';
COMMENT ON COLUMN public.dataflow_execution."tag" IS 'Execution tag.';
COMMENT ON COLUMN public.dataflow_execution."df_id" IS 'dataflow.id.';
COMMENT ON COLUMN public.dataflow_execution."scientist_id" IS 'data_scientist.id.';
COMMENT ON COLUMN public.dataflow_execution."hardware_id" IS 'hardware_info.id.';

CREATE TABLE public.task (
    "id" INTEGER,
    "uuid" VARCHAR,
    "identifier" BIGINT,
    "df_version" INTEGER,
    "df_exec" VARCHAR,
    "dt_id" INTEGER,
    "status" VARCHAR,
    "workspace" VARCHAR,
    "computing_resource" VARCHAR,
    "output_msg" VARCHAR,
    "error_msg" VARCHAR,
    "run_id" VARCHAR,
    "parent_id" INTEGER,
    "started" TIMESTAMP,
    "ended" TIMESTAMP,
    "duration" DOUBLE
);
COMMENT ON TABLE public.task IS 'Tasks: executions of transformations.';
COMMENT ON COLUMN public.task."id" IS 'Number in this index; the columns <transformation>_task_id of the sets hold it.';
COMMENT ON COLUMN public.task."uuid" IS 'Stable identifier.';
COMMENT ON COLUMN public.task."identifier" IS 'Number by which the dataflow''s users know the task.';
COMMENT ON COLUMN public.task."df_version" IS 'dataflow_version.version.';
COMMENT ON COLUMN public.task."df_exec" IS 'dataflow_execution.tag.';
COMMENT ON COLUMN public.task."dt_id" IS 'data_transformation.id.';
COMMENT ON COLUMN public.task."status" IS 'RUNNING, FINISHED, FAILED or INTERRUPTED; or what a DfAnalyzer client said, in upper case.';
COMMENT ON COLUMN public.task."workspace" IS 'Working directory, if a client named it; the text null if a DfAnalyzer client did not.';
COMMENT ON COLUMN public.task."computing_resource" IS 'Machine, likewise.';
COMMENT ON COLUMN public.task."output_msg" IS 'Output, likewise.';
COMMENT ON COLUMN public.task."error_msg" IS 'Why it failed; likewise.';
COMMENT ON COLUMN public.task."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.task."parent_id" IS 'task.id of the task that this one is a part of.';
COMMENT ON COLUMN public.task."started" IS 'First start (UTC).';
COMMENT ON COLUMN public.task."ended" IS 'Last end (UTC).';
COMMENT ON COLUMN public.task."duration" IS 'Seconds of work, the sum over its starts, by the monotonic clock.';

CREATE TABLE public.task_dependency (
    "task_id" INTEGER,
    "depends_on_id" INTEGER
);
COMMENT ON TABLE public.task_dependency IS 'Which task waited for the results of which.';
COMMENT ON COLUMN public.task_dependency."task_id" IS 'task.id.';
COMMENT ON COLUMN public.task_dependency."depends_on_id" IS 'task.id of the earlier task.';

CREATE TABLE public.file (
    "id" INTEGER,
    "task_id" INTEGER,
    "name" VARCHAR,
    "path" VARCHAR
);
COMMENT ON TABLE public.file IS 'Files of tasks, as DfAnalyzer lists them. Table artifact tells more of each.';
COMMENT ON COLUMN public.file."id" IS 'Number in this index.';
COMMENT ON COLUMN public.file."task_id" IS 'task.id of the first task that named it.';
COMMENT ON COLUMN public.file."name" IS 'Name without directory.';
COMMENT ON COLUMN public.file."path" IS 'Directory.';

CREATE TABLE public.performance (
    "id" INTEGER,
    "task_id" INTEGER,
    "subtask_id" BIGINT,
    "method" VARCHAR,
    "description" VARCHAR,
    "starttime" VARCHAR,
    "endtime" VARCHAR,
    "invocation" VARCHAR
);
COMMENT ON TABLE public.performance IS 'Time that tasks took: of each task one row, of its first start and end; of a DfAnalyzer client''s task one for each method and part that it reported.';
COMMENT ON COLUMN public.performance."id" IS 'Number in this index.';
COMMENT ON COLUMN public.performance."task_id" IS 'task.id.';
COMMENT ON COLUMN public.performance."subtask_id" IS 'Number of a part of the task; NULL: of the whole task.';
COMMENT ON COLUMN public.performance."method" IS 'COMPUTATION, …; the text null if no client named it.';
COMMENT ON COLUMN public.performance."description" IS 'Description; the text null if there is none.';
COMMENT ON COLUMN public.performance."starttime" IS 'Start (UTC, YYYY-MM-DD HH:MM:SS.ffffff); of a DfAnalyzer client''s task as the client wrote it.';
COMMENT ON COLUMN public.performance."endtime" IS 'End, likewise; the text null while it runs.';
COMMENT ON COLUMN public.performance."invocation" IS 'Command; the text null if there is none.';

CREATE TABLE public.run (
    "run_id" VARCHAR,
    "dataflow" VARCHAR,
    "status" VARCHAR,
    "started" TIMESTAMP,
    "ended" TIMESTAMP,
    "duration" DOUBLE,
    "name" VARCHAR,
    "kind" VARCHAR,
    "execution" VARCHAR,
    "parent_run_id" VARCHAR,
    "user" VARCHAR,
    "host" VARCHAR,
    "script" VARCHAR,
    "command" VARCHAR,
    "directory" VARCHAR,
    "git_commit" VARCHAR,
    "git_branch" VARCHAR,
    "git_dirty" BOOLEAN,
    "python" VARCHAR,
    "framework" VARCHAR,
    "backend" VARCHAR,
    "error_type" VARCHAR,
    "error" VARCHAR,
    "traceback" VARCHAR,
    "last_seen" TIMESTAMP
);
COMMENT ON TABLE public.run IS 'Runs: executions of dataflows.';
COMMENT ON COLUMN public.run."run_id" IS 'The run''s id: a UUIDv7, which sorts by the time of the start, or a UUIDv5 of dataflow and execution tag.';
COMMENT ON COLUMN public.run."dataflow" IS 'dataflow.tag.';
COMMENT ON COLUMN public.run."status" IS 'running, finished, failed, interrupted, or lost (its process is gone or silent, without an end).';
COMMENT ON COLUMN public.run."started" IS 'Start (UTC).';
COMMENT ON COLUMN public.run."ended" IS 'End (UTC); NULL while it runs, and of a lost run.';
COMMENT ON COLUMN public.run."duration" IS 'Seconds of work, by the monotonic clock; NULL while it runs.';
COMMENT ON COLUMN public.run."name" IS 'Name for people.';
COMMENT ON COLUMN public.run."kind" IS 'Kind of program: script, keras, …';
COMMENT ON COLUMN public.run."execution" IS 'dataflow_execution.tag.';
COMMENT ON COLUMN public.run."parent_run_id" IS 'Run that started this one.';
COMMENT ON COLUMN public.run."user" IS 'Who ran it.';
COMMENT ON COLUMN public.run."host" IS 'Machine.';
COMMENT ON COLUMN public.run."script" IS 'Path of the script.';
COMMENT ON COLUMN public.run."command" IS 'Command line.';
COMMENT ON COLUMN public.run."directory" IS 'Working directory.';
COMMENT ON COLUMN public.run."git_commit" IS 'Commit of the code.';
COMMENT ON COLUMN public.run."git_branch" IS 'Branch of the code.';
COMMENT ON COLUMN public.run."git_dirty" IS 'Whether tracked files differed from the commit.';
COMMENT ON COLUMN public.run."python" IS 'Version of Python.';
COMMENT ON COLUMN public.run."framework" IS 'Framework and its version.';
COMMENT ON COLUMN public.run."backend" IS 'Backend of the framework.';
COMMENT ON COLUMN public.run."error_type" IS 'Type of the exception that ended it.';
COMMENT ON COLUMN public.run."error" IS 'Its message.';
COMMENT ON COLUMN public.run."traceback" IS 'Where it came from.';
COMMENT ON COLUMN public.run."last_seen" IS 'Time of its last event (UTC).';

CREATE TABLE public.tag (
    "run_id" VARCHAR,
    "name" VARCHAR,
    "value" VARCHAR,
    "type" VARCHAR
);
COMMENT ON TABLE public.tag IS 'Labels of runs.';
COMMENT ON COLUMN public.tag."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.tag."name" IS 'Name.';
COMMENT ON COLUMN public.tag."value" IS 'Value as text.';
COMMENT ON COLUMN public.tag."type" IS 'text, integer, float, boolean, null or json.';

CREATE TABLE public.param (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "name" VARCHAR,
    "value" VARCHAR,
    "number" DOUBLE,
    "type" VARCHAR,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.param IS 'Hyperparameters and other settings. A later value of the same name has replaced the earlier.';
COMMENT ON COLUMN public.param."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.param."task_id" IS 'task.id; NULL: of the whole run.';
COMMENT ON COLUMN public.param."name" IS 'Name.';
COMMENT ON COLUMN public.param."value" IS 'Value as text; JSON, as the log has it, if type is json.';
COMMENT ON COLUMN public.param."number" IS 'Value as a number, if it is one; NaN and infinities as such.';
COMMENT ON COLUMN public.param."type" IS 'text, integer, float, boolean, null or json.';
COMMENT ON COLUMN public.param."time" IS 'When it was recorded (UTC).';

CREATE TABLE public.metric (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "name" VARCHAR,
    "step" BIGINT,
    "epoch" BIGINT,
    "value" DOUBLE,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.metric IS 'Series of metrics, a row a value.';
COMMENT ON COLUMN public.metric."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.metric."task_id" IS 'task.id; NULL: of the whole run.';
COMMENT ON COLUMN public.metric."name" IS 'Name.';
COMMENT ON COLUMN public.metric."step" IS 'Step, as the training counts it.';
COMMENT ON COLUMN public.metric."epoch" IS 'Epoch, from 0.';
COMMENT ON COLUMN public.metric."value" IS 'Value; NaN and infinities as such: filter with isfinite(value) before asking for the best.';
COMMENT ON COLUMN public.metric."time" IS 'When it was measured (UTC).';

CREATE TABLE public.metric_summary (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "name" VARCHAR,
    "points" BIGINT,
    "last_value" DOUBLE,
    "last_step" BIGINT,
    "last_epoch" BIGINT,
    "last_time" TIMESTAMP,
    "minimum" DOUBLE,
    "maximum" DOUBLE
);
COMMENT ON TABLE public.metric_summary IS 'One row for each metric of each task: for comparing many runs without reading the series.';
COMMENT ON COLUMN public.metric_summary."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.metric_summary."task_id" IS 'task.id; NULL: of the whole run.';
COMMENT ON COLUMN public.metric_summary."name" IS 'Name.';
COMMENT ON COLUMN public.metric_summary."points" IS 'Number of values.';
COMMENT ON COLUMN public.metric_summary."last_value" IS 'The latest value.';
COMMENT ON COLUMN public.metric_summary."last_step" IS 'Its step.';
COMMENT ON COLUMN public.metric_summary."last_epoch" IS 'Its epoch.';
COMMENT ON COLUMN public.metric_summary."last_time" IS 'Its time (UTC).';
COMMENT ON COLUMN public.metric_summary."minimum" IS 'Smallest finite value.';
COMMENT ON COLUMN public.metric_summary."maximum" IS 'Largest finite value.';

CREATE TABLE public.adaptation (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "name" VARCHAR,
    "old" VARCHAR,
    "new" VARCHAR,
    "old_number" DOUBLE,
    "new_number" DOUBLE,
    "technique" VARCHAR,
    "reason" VARCHAR,
    "epoch" BIGINT,
    "step" BIGINT,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.adaptation IS 'Changes of hyperparameters during the training.';
COMMENT ON COLUMN public.adaptation."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.adaptation."task_id" IS 'task.id; NULL: of the whole run.';
COMMENT ON COLUMN public.adaptation."name" IS 'Hyperparameter.';
COMMENT ON COLUMN public.adaptation."old" IS 'Value before, as text.';
COMMENT ON COLUMN public.adaptation."new" IS 'Value from here on, as text.';
COMMENT ON COLUMN public.adaptation."old_number" IS 'Value before, if it is a number.';
COMMENT ON COLUMN public.adaptation."new_number" IS 'Value from here on, if it is a number.';
COMMENT ON COLUMN public.adaptation."technique" IS 'What changed it: LearningRateScheduler, ReduceLROnPlateau, …';
COMMENT ON COLUMN public.adaptation."reason" IS 'Why.';
COMMENT ON COLUMN public.adaptation."epoch" IS 'First epoch with the new value, from 0.';
COMMENT ON COLUMN public.adaptation."step" IS 'First step with the new value.';
COMMENT ON COLUMN public.adaptation."time" IS 'When (UTC).';

CREATE TABLE public.artifact (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "direction" VARCHAR,
    "kind" VARCHAR,
    "path" VARCHAR,
    "sha256" VARCHAR,
    "size" BIGINT,
    "epoch" BIGINT,
    "step" BIGINT,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.artifact IS 'Files that runs used or generated, with their content''s hash at that moment.';
COMMENT ON COLUMN public.artifact."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.artifact."task_id" IS 'task.id; NULL: of the whole run.';
COMMENT ON COLUMN public.artifact."direction" IS 'used or generated.';
COMMENT ON COLUMN public.artifact."kind" IS 'checkpoint, model, weights, data, script, …';
COMMENT ON COLUMN public.artifact."path" IS 'Absolute path.';
COMMENT ON COLUMN public.artifact."sha256" IS 'SHA-256 of the content, hexadecimal.';
COMMENT ON COLUMN public.artifact."size" IS 'Bytes.';
COMMENT ON COLUMN public.artifact."epoch" IS 'Epoch it belongs to, from 0.';
COMMENT ON COLUMN public.artifact."step" IS 'Step it belongs to.';
COMMENT ON COLUMN public.artifact."time" IS 'When (UTC).';

CREATE TABLE public.raw_data (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "ds_id" INTEGER,
    "element" VARCHAR,
    "extractor_id" INTEGER,
    "file_id" INTEGER,
    "path" VARCHAR,
    "format" VARCHAR,
    "sha256" VARCHAR,
    "size" BIGINT,
    "rows" BIGINT,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.raw_data IS 'Files whose rows belong to elements of sets. Table problem tells what could not be taken in, and why.';
COMMENT ON COLUMN public.raw_data."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.raw_data."task_id" IS 'task.id.';
COMMENT ON COLUMN public.raw_data."ds_id" IS 'data_set.id.';
COMMENT ON COLUMN public.raw_data."element" IS 'Column uuid of the set''s table ds_<set>.';
COMMENT ON COLUMN public.raw_data."extractor_id" IS 'extractor.id.';
COMMENT ON COLUMN public.raw_data."file_id" IS 'file.id; the columns <extractor>_file_id of the set hold it.';
COMMENT ON COLUMN public.raw_data."path" IS 'Absolute path.';
COMMENT ON COLUMN public.raw_data."format" IS 'csv, parquet, numpy or json.';
COMMENT ON COLUMN public.raw_data."sha256" IS 'SHA-256 of the content when it was recorded, hexadecimal.';
COMMENT ON COLUMN public.raw_data."size" IS 'Bytes.';
COMMENT ON COLUMN public.raw_data."rows" IS 'Rows in the table ext_<extractor>; NULL: the file could not be taken in.';
COMMENT ON COLUMN public.raw_data."time" IS 'When it was recorded (UTC).';

CREATE TABLE public.data (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "direction" VARCHAR,
    "role" VARCHAR,
    "kind" VARCHAR,
    "fingerprint" VARCHAR,
    "shape" VARCHAR,
    "dtype" VARCHAR,
    "size" BIGINT,
    "samples" BIGINT,
    "details" VARCHAR,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.data IS 'Data in memory that tasks used or generated.';
COMMENT ON COLUMN public.data."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.data."task_id" IS 'task.id; NULL: of the whole run.';
COMMENT ON COLUMN public.data."direction" IS 'used or generated.';
COMMENT ON COLUMN public.data."role" IS 'x, y, validation_x, test_x, …';
COMMENT ON COLUMN public.data."kind" IS 'Type in Python.';
COMMENT ON COLUMN public.data."fingerprint" IS 'sha256:<hexadecimal> over type, shape and bytes: equal data have equal fingerprints.';
COMMENT ON COLUMN public.data."shape" IS 'Shape, as a JSON list.';
COMMENT ON COLUMN public.data."dtype" IS 'Type of the elements.';
COMMENT ON COLUMN public.data."size" IS 'Bytes.';
COMMENT ON COLUMN public.data."samples" IS 'Length of the first axis.';
COMMENT ON COLUMN public.data."details" IS 'What a data set or loader says of itself, as JSON.';
COMMENT ON COLUMN public.data."time" IS 'When (UTC).';

CREATE TABLE public.layer (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "position" BIGINT,
    "name" VARCHAR,
    "type" VARCHAR,
    "config" JSON,
    "weights" BIGINT,
    "trainable" BOOLEAN
);
COMMENT ON TABLE public.layer IS 'Layers of models.';
COMMENT ON COLUMN public.layer."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.layer."task_id" IS 'task.id; NULL: of the whole run.';
COMMENT ON COLUMN public.layer."position" IS 'Place in the model, from 0.';
COMMENT ON COLUMN public.layer."name" IS 'Name.';
COMMENT ON COLUMN public.layer."type" IS 'Class.';
COMMENT ON COLUMN public.layer."config" IS 'Whole configuration: config->>''$.units'' and the like.';
COMMENT ON COLUMN public.layer."weights" IS 'Number of weights.';
COMMENT ON COLUMN public.layer."trainable" IS 'Whether they are trained.';

CREATE TABLE public.stop (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "technique" VARCHAR,
    "epoch" BIGINT,
    "reason" VARCHAR,
    "monitor" VARCHAR,
    "best" DOUBLE,
    "best_epoch" BIGINT,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.stop IS 'Trainings that stopped before their last epoch, or restored an earlier one.';
COMMENT ON COLUMN public.stop."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.stop."task_id" IS 'task.id.';
COMMENT ON COLUMN public.stop."technique" IS 'EarlyStopping, …';
COMMENT ON COLUMN public.stop."epoch" IS 'Epoch after which it stopped, from 0.';
COMMENT ON COLUMN public.stop."reason" IS 'Why.';
COMMENT ON COLUMN public.stop."monitor" IS 'Metric that was watched.';
COMMENT ON COLUMN public.stop."best" IS 'Its best value.';
COMMENT ON COLUMN public.stop."best_epoch" IS 'Epoch of the best value, from 0.';
COMMENT ON COLUMN public.stop."time" IS 'When (UTC).';

CREATE TABLE public.usage (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "ds_id" INTEGER,
    "element" VARCHAR,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.usage IS 'Which task used which elements that tasks had generated.';
COMMENT ON COLUMN public.usage."run_id" IS 'run.run_id of the using task.';
COMMENT ON COLUMN public.usage."task_id" IS 'task.id of the using task.';
COMMENT ON COLUMN public.usage."ds_id" IS 'data_set.id.';
COMMENT ON COLUMN public.usage."element" IS 'Column uuid of the set''s table ds_<set>.';
COMMENT ON COLUMN public.usage."time" IS 'When (UTC).';

CREATE TABLE public.relation (
    "run_id" VARCHAR,
    "document_id" INTEGER,
    "kind" VARCHAR,
    "source" VARCHAR,
    "target" VARCHAR
);
COMMENT ON TABLE public.relation IS 'What came from what: edges from what is later to what was before it.';
COMMENT ON COLUMN public.relation."run_id" IS 'run.run_id; NULL: an imported document says it.';
COMMENT ON COLUMN public.relation."document_id" IS 'document.id; NULL: it was recorded in a run.';
COMMENT ON COLUMN public.relation."kind" IS 'used (from a task to what it used), wasGeneratedBy (from what was made to its task), specializationOf (from a copy to what all copies of its content are); of imported documents also wasDerivedFrom, wasInformedBy, wasStartedBy, wasEndedBy, wasInfluencedBy, mentionOf, hadMember.';
COMMENT ON COLUMN public.relation."source" IS 'The later thing: task-<uuid>, run-<id>, element-<uuid>, artifact-<id>, file-<SHA-256>, data-<fingerprint>, or the IRI of an imported thing.';
COMMENT ON COLUMN public.relation."target" IS 'The earlier thing.';

CREATE TABLE public.document (
    "id" INTEGER,
    "uuid" VARCHAR,
    "name" VARCHAR,
    "format" VARCHAR,
    "sha256" VARCHAR,
    "size" BIGINT,
    "prefixes" JSON,
    "warnings" JSON,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.document IS 'Provenance documents that were imported.';
COMMENT ON COLUMN public.document."id" IS 'Number.';
COMMENT ON COLUMN public.document."uuid" IS 'Derived from its statements: the same in every index, and for the same statements in another format.';
COMMENT ON COLUMN public.document."name" IS 'Name of the file.';
COMMENT ON COLUMN public.document."format" IS 'What it was written in: provn, json, jsonld, ttl, trig, xml or rdf.';
COMMENT ON COLUMN public.document."sha256" IS 'SHA-256 of the file, hexadecimal.';
COMMENT ON COLUMN public.document."size" IS 'Bytes.';
COMMENT ON COLUMN public.document."prefixes" IS 'Prefixes of the names in table statement, with their namespaces.';
COMMENT ON COLUMN public.document."warnings" IS 'What was repaired when it was read.';
COMMENT ON COLUMN public.document."time" IS 'When it was imported (UTC).';

CREATE TABLE public.statement (
    "document_id" INTEGER,
    "kind" VARCHAR,
    "thing" VARCHAR,
    "name" VARCHAR,
    "label" VARCHAR,
    "arguments" JSON,
    "attributes" JSON,
    "bundle" VARCHAR
);
COMMENT ON TABLE public.statement IS 'Statements of imported documents, in their order.';
COMMENT ON COLUMN public.statement."document_id" IS 'document.id.';
COMMENT ON COLUMN public.statement."kind" IS 'Its name in PROV-N: entity, activity, agent, used, wasGeneratedBy, …';
COMMENT ON COLUMN public.statement."thing" IS 'What it is about, as table relation has it: an IRI, or a name of ours; NULL: a relation without an identifier.';
COMMENT ON COLUMN public.statement."name" IS 'The same as the document has it: a prefix and a local name.';
COMMENT ON COLUMN public.statement."label" IS 'Its attribute prov:label.';
COMMENT ON COLUMN public.statement."arguments" IS 'Formal arguments by their names in PROV-DM: arguments->>''$.entity'' and the like.';
COMMENT ON COLUMN public.statement."attributes" IS 'Other attributes: a list of [name, text, type]; the type is empty for a plain text.';
COMMENT ON COLUMN public.statement."bundle" IS 'Name of the bundle that it stands in; NULL: the document itself.';

CREATE TABLE public.environment (
    "run_id" VARCHAR,
    "name" VARCHAR,
    "value" VARCHAR
);
COMMENT ON TABLE public.environment IS 'Where runs happened.';
COMMENT ON COLUMN public.environment."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.environment."name" IS 'Dotted name: hardware.memory, packages.keras, git.commit, …';
COMMENT ON COLUMN public.environment."value" IS 'Value as text.';

CREATE TABLE public.note (
    "run_id" VARCHAR,
    "task_id" INTEGER,
    "text" VARCHAR,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.note IS 'Remarks of people.';
COMMENT ON COLUMN public.note."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.note."task_id" IS 'task.id; NULL: of the whole run.';
COMMENT ON COLUMN public.note."text" IS 'The remark.';
COMMENT ON COLUMN public.note."time" IS 'When (UTC).';

CREATE TABLE public.problem (
    "run_id" VARCHAR,
    "place" VARCHAR,
    "message" VARCHAR,
    "traceback" VARCHAR,
    "time" TIMESTAMP
);
COMMENT ON TABLE public.problem IS 'What dlprov could not record of a run.';
COMMENT ON COLUMN public.problem."run_id" IS 'run.run_id.';
COMMENT ON COLUMN public.problem."place" IS 'Where in dlprov.';
COMMENT ON COLUMN public.problem."message" IS 'What went wrong.';
COMMENT ON COLUMN public.problem."traceback" IS 'Where it came from, for a report.';
COMMENT ON COLUMN public.problem."time" IS 'When (UTC).';

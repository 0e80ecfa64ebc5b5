-- MonetDB's system schema, as far as its clients and DfAnalyzer's users read it: views of the engine's own catalogue,
-- and functions of MonetDB that the engine lacks or has otherwise. Ids hold as long as the index is open. Whatever an
-- index never has (keys, triggers, sequences, …) is an empty view, so that mclient's \d and \D find nothing there.

CREATE SCHEMA IF NOT EXISTS sys;

-- mclient knows the system schema by its number.
CREATE VIEW sys.schemas AS
SELECT
    if(schema_name = 'sys', 2000, oid) AS "id",
    schema_name AS "name",
    2 AS "authorization",
    3 AS "owner",
    schema_name = 'sys' AS "system"
FROM duckdb_schemas()
WHERE database_name = 'store' AND NOT internal AND schema_name <> 'main';

CREATE VIEW sys._tables AS
SELECT
    "id",
    "name",
    if(schema_name = 'sys', 2000, schema_oid) AS "schema_id",
    "query",
    "type",
    schema_name = 'sys' AS "system",
    CAST(0 AS SMALLINT) AS "commit_action",
    CAST(0 AS SMALLINT) AS "access"
FROM (
    SELECT table_oid AS "id", table_name AS "name", schema_name, schema_oid, NULL AS "query", CAST(0 AS SMALLINT) AS "type"
    FROM duckdb_tables() WHERE database_name = 'store' AND NOT internal
    UNION ALL
    SELECT view_oid, view_name, schema_name, schema_oid, sql, CAST(1 AS SMALLINT)
    FROM duckdb_views() WHERE database_name = 'store' AND NOT internal
);

CREATE VIEW sys.tables AS
SELECT
    "id", "name", "schema_id", "query", CAST(if("system", "type" + 10, "type") AS SMALLINT) AS "type", "system",
    "commit_action", "access", CAST(0 AS SMALLINT) AS "temporary"
FROM sys._tables;

CREATE VIEW sys._columns AS
SELECT
    CAST(table_oid AS BIGINT) * 10000 + column_index AS "id",
    column_name AS "name",
    CASE
        WHEN data_type = 'INTEGER' THEN 'int'
        WHEN data_type = 'FLOAT' THEN 'real'
        WHEN data_type = 'TIMESTAMP WITH TIME ZONE' THEN 'timestamptz'
        WHEN data_type LIKE 'DECIMAL%' THEN 'decimal'
        WHEN data_type IN ('BOOLEAN', 'TINYINT', 'SMALLINT', 'BIGINT', 'HUGEINT', 'DOUBLE', 'DATE', 'TIME', 'TIMESTAMP',
            'BLOB', 'UUID', 'JSON') THEN lower(data_type)
        ELSE 'varchar'
    END AS "type",
    CAST(CASE data_type
        WHEN 'BOOLEAN' THEN 1 WHEN 'TINYINT' THEN 7 WHEN 'SMALLINT' THEN 15 WHEN 'INTEGER' THEN 31
        WHEN 'BIGINT' THEN 63 WHEN 'HUGEINT' THEN 127 WHEN 'FLOAT' THEN 24 WHEN 'DOUBLE' THEN 53
        WHEN 'TIMESTAMP' THEN 7 WHEN 'TIMESTAMP WITH TIME ZONE' THEN 7 WHEN 'TIME' THEN 7
        ELSE if(data_type LIKE 'DECIMAL%', numeric_precision, 0)
    END AS INTEGER) AS "type_digits",
    CAST(if(data_type LIKE 'DECIMAL%', numeric_scale, 0) AS INTEGER) AS "type_scale",
    table_oid AS "table_id",
    column_default AS "default",
    is_nullable AS "null",
    column_index - 1 AS "number",
    CAST(NULL AS VARCHAR) AS "storage"
FROM duckdb_columns()
WHERE database_name = 'store' AND NOT internal;

CREATE VIEW sys.columns AS FROM sys._columns;

CREATE VIEW sys.comments AS
SELECT table_oid AS "id", comment AS "remark"
FROM duckdb_tables() WHERE database_name = 'store' AND comment IS NOT NULL
UNION ALL
SELECT CAST(table_oid AS BIGINT) * 10000 + column_index, comment
FROM duckdb_columns() WHERE database_name = 'store' AND comment IS NOT NULL;

CREATE VIEW sys.types AS
SELECT
    "id", "sqlname" AS "systemname", "sqlname", "digits", 0 AS "scale", "radix", "eclass", 2000 AS "schema_id"
FROM (VALUES
    (1, 'boolean', 1, 0, 4), (2, 'varchar', 0, 0, 6), (3, 'clob', 0, 0, 6), (4, 'blob', 0, 0, 7),
    (5, 'tinyint', 7, 2, 9), (6, 'smallint', 15, 2, 9), (7, 'int', 31, 2, 9), (8, 'bigint', 63, 2, 9),
    (9, 'hugeint', 127, 2, 9), (10, 'decimal', 38, 10, 12), (11, 'real', 24, 2, 13), (12, 'double', 53, 2, 13),
    (13, 'time', 7, 0, 14), (14, 'date', 0, 0, 16), (15, 'timestamp', 7, 0, 17), (16, 'timestamptz', 7, 0, 17),
    (17, 'sec_interval', 13, 0, 11), (18, 'uuid', 0, 0, 18), (19, 'json', 0, 0, 18)
) AS t("id", "sqlname", "digits", "radix", "eclass");

CREATE VIEW sys.table_types AS
FROM (VALUES (0, 'TABLE'), (1, 'VIEW'), (10, 'SYSTEM TABLE'), (11, 'SYSTEM VIEW'))
    AS t("table_type_id", "table_type_name");

CREATE VIEW sys.function_types AS
FROM (VALUES (1, 'Scalar function', 'FUNCTION'), (3, 'Aggregate function', 'AGGREGATE'), (5, 'Function returning a table', 'FUNCTION'))
    AS t("function_type_id", "function_type_name", "function_type_keyword");

CREATE VIEW sys.function_languages AS
FROM (VALUES (2, 'SQL', NULL)) AS t("language_id", "language_name", "language_keyword");

CREATE VIEW sys.privilege_codes AS
FROM (VALUES (1, 'SELECT')) AS t("privilege_code_id", "privilege_code_name");

CREATE VIEW sys.auths AS
FROM (VALUES (1, 'public', 0), (2, 'sysadmin', 0), (3, 'monetdb', 0)) AS t("id", "name", "grantor");

CREATE VIEW sys.db_user_info AS
SELECT 'monetdb' AS "name", 'MonetDB Admin' AS "fullname", "id" AS "default_schema" FROM sys.schemas WHERE "name" = 'public';

CREATE VIEW sys.users AS FROM sys.db_user_info;

CREATE VIEW sys.user_role AS SELECT 0 AS "login_id", 0 AS "role_id" WHERE false;

CREATE VIEW sys.privileges AS
SELECT 0 AS "obj_id", 0 AS "auth_id", 0 AS "privileges", 0 AS "grantor", 0 AS "grantable" WHERE false;

CREATE VIEW sys.sequences AS
SELECT
    0 AS "id", 0 AS "schema_id", '' AS "name", 0 AS "start", 0 AS "minvalue", 0 AS "maxvalue", 0 AS "increment",
    0 AS "cacheinc", false AS "cycle"
WHERE false;

CREATE VIEW sys.describe_sequences AS
SELECT
    '' AS "sch", '' AS "seq", 0 AS "s", 0 AS "rs", 0 AS "mi", 0 AS "ma", 0 AS "inc", 0 AS "cache", false AS "cycle"
WHERE false;

CREATE VIEW sys.functions AS
SELECT
    0 AS "id", '' AS "name", '' AS "func", '' AS "mod", 0 AS "language", 0 AS "type", false AS "side_effect",
    false AS "varres", false AS "vararg", 0 AS "schema_id", false AS "system"
WHERE false;

CREATE VIEW sys.args AS
SELECT
    0 AS "id", 0 AS "func_id", '' AS "name", '' AS "type", 0 AS "type_digits", 0 AS "type_scale", 0 AS "inout",
    0 AS "number"
WHERE false;

CREATE VIEW sys.objects AS SELECT 0 AS "id", '' AS "name", 0 AS "nr" WHERE false;

CREATE VIEW sys.keys AS
SELECT 0 AS "id", 0 AS "table_id", 0 AS "type", '' AS "name", 0 AS "rkey", 0 AS "action" WHERE false;

CREATE VIEW sys.idxs AS SELECT 0 AS "id", 0 AS "table_id", 0 AS "type", '' AS "name" WHERE false;

CREATE VIEW sys.triggers AS SELECT 0 AS "id", '' AS "name", 0 AS "table_id", '' AS "statement" WHERE false;

CREATE VIEW sys.dependencies AS SELECT 0 AS "id", 0 AS "depend_id", 0 AS "depend_type" WHERE false;

CREATE VIEW sys.table_partitions AS
SELECT 0 AS "id", 0 AS "table_id", 0 AS "column_id", '' AS "expression", 0 AS "type" WHERE false;

CREATE TYPE sys.clob AS VARCHAR;

-- A median is one of the values there, the lower one of two.
CREATE MACRO sys.median(x) AS quantile_disc(x, 0.5);
CREATE MACRO sys.quantile(x, part) AS quantile_disc(x, part);
CREATE MACRO sys.stddev_samp(x) AS system.main.stddev_samp(x);
CREATE MACRO sys.stddev_pop(x) AS system.main.stddev_pop(x);
CREATE MACRO sys.var_samp(x) AS system.main.var_samp(x);
CREATE MACRO sys.var_pop(x) AS system.main.var_pop(x);
CREATE MACRO sys.corr(x, y) AS system.main.corr(x, y);
CREATE MACRO sys.group_concat(x, separator := ',') AS system.main.string_agg(x, separator);
CREATE MACRO sys.listagg(x, separator := ',') AS system.main.string_agg(x, separator);
CREATE MACRO sys.ifthenelse(condition, yes, no) AS CASE WHEN condition THEN yes ELSE no END;
CREATE MACRO sys.sql_min(x, y) AS CASE WHEN x IS NULL OR y IS NULL THEN NULL ELSE least(x, y) END;
CREATE MACRO sys.sql_max(x, y) AS CASE WHEN x IS NULL OR y IS NULL THEN NULL ELSE greatest(x, y) END;
CREATE MACRO sys.locate(part, whole) AS strpos(whole, part);
CREATE MACRO sys.charindex(part, whole) AS strpos(whole, part);
CREATE MACRO sys.splitpart(whole, separator, number) AS split_part(whole, separator, number);
CREATE MACRO sys.str_to_date(x, format) AS CAST(strptime(x, format) AS DATE);
CREATE MACRO sys.str_to_timestamp(x, format) AS strptime(x, format);
CREATE MACRO sys.date_to_str(x, format) AS strftime(x, format);
CREATE MACRO sys.timestamp_to_str(x, format) AS strftime(x, format);
CREATE MACRO sys.rand() AS CAST(floor(random() * 2147483648) AS INTEGER);
CREATE MACRO sys.env() AS TABLE
FROM (VALUES ('gdk_dbname', 'dataflow_analyzer'), ('monet_version', '11.37.7')) AS t("name", "value");

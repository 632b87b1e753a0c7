BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('v3.2.0.a');
CREATE TABLE studies (
	study_id INTEGER NOT NULL, 
	study_name VARCHAR(512) NOT NULL, 
	PRIMARY KEY (study_id)
);
INSERT INTO "studies" VALUES(1,'branches');
INSERT INTO "studies" VALUES(2,'two');
INSERT INTO "studies" VALUES(3,'empty');
CREATE TABLE study_directions (
	study_direction_id INTEGER NOT NULL, 
	direction VARCHAR(8) NOT NULL, 
	study_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	PRIMARY KEY (study_direction_id), 
	UNIQUE (study_id, objective), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_directions" VALUES(1,'MINIMIZE',1,0);
INSERT INTO "study_directions" VALUES(2,'MINIMIZE',2,0);
INSERT INTO "study_directions" VALUES(3,'MAXIMIZE',2,1);
INSERT INTO "study_directions" VALUES(4,'MINIMIZE',3,0);
CREATE TABLE study_system_attributes (
	study_system_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_system_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "study_system_attributes" VALUES(1,2,'study:metric_names','["loss", "accuracy"]');
CREATE TABLE study_user_attributes (
	study_user_attribute_id INTEGER NOT NULL, 
	study_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (study_user_attribute_id), 
	UNIQUE (study_id, "key"), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
CREATE TABLE trial_heartbeats (
	trial_heartbeat_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	heartbeat DATETIME NOT NULL, 
	PRIMARY KEY (trial_heartbeat_id), 
	UNIQUE (trial_id), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
CREATE TABLE trial_intermediate_values (
	trial_intermediate_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	step INTEGER NOT NULL, 
	intermediate_value FLOAT, 
	intermediate_value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_intermediate_value_id), 
	UNIQUE (trial_id, step), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_intermediate_values" VALUES(1,1,0,0.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(2,1,5,0.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(3,1,10,0.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(4,2,0,1.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(5,2,5,1.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(6,2,10,1.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(7,3,0,NULL,'INF_POS');
INSERT INTO "trial_intermediate_values" VALUES(8,3,5,2.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(9,3,10,2.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(10,5,0,4.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(11,5,5,4.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(12,6,0,5.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(13,6,5,5.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(14,6,10,5.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(15,6,99,NULL,'NAN');
INSERT INTO "trial_intermediate_values" VALUES(16,7,0,6.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(17,7,5,6.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(18,7,10,6.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(19,8,0,7.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(20,8,5,7.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(21,8,10,7.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(22,9,0,8.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(23,9,5,8.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(24,9,10,8.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(25,10,0,9.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(26,10,5,9.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(27,12,0,11.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(28,12,5,11.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(29,12,10,11.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(30,13,0,12.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(31,13,5,12.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(32,13,10,12.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(33,14,0,13.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(34,14,5,13.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(35,14,10,13.2,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(36,15,0,14.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(37,15,5,14.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(38,16,0,15.0,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(39,16,5,15.1,'FINITE');
INSERT INTO "trial_intermediate_values" VALUES(40,16,10,15.2,'FINITE');
CREATE TABLE trial_params (
	param_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	param_name VARCHAR(512), 
	param_value FLOAT, 
	distribution_json TEXT, 
	PRIMARY KEY (param_id), 
	UNIQUE (trial_id, param_name), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_params" VALUES(1,1,'model',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(2,1,'lr',1.15779435007654918354e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(3,1,'drop',0.5,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(4,1,'free',-4.06398996847556093214e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(5,1,'width',27.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(6,1,'batch',10.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(7,2,'model',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(8,2,'lr',1.52869107818094814282e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(9,2,'drop',6.00000000000000088817e-01,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(10,2,'free',1.59675620379090110745e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(11,2,'width',92.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(12,2,'batch',34.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(13,3,'model',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(14,3,'lr',6.93277109763482390913e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(15,3,'drop',0.1,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(16,3,'free',-9.51386876741026066284e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(17,3,'width',28.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(18,3,'batch',74.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(19,4,'model',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(20,4,'lr',8.75986899361945875464e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(21,4,'drop',0.2,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(22,4,'free',6.04993770525740437449e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(23,4,'width',205.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(24,4,'batch',98.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(25,4,'depth',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 7}}');
INSERT INTO "trial_params" VALUES(26,5,'model',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(27,5,'lr',8.70410857858920248772e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(28,5,'drop',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(29,5,'free',-8.26948623195589815892e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(30,5,'width',22.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(31,5,'batch',34.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(32,5,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(33,6,'model',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(34,6,'lr',4.47205416274128464415e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(35,6,'drop',0.8,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(36,6,'free',-8.1159453564535466441e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(37,6,'width',45.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(38,6,'batch',10.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(39,7,'model',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(40,7,'lr',1.51478114853652364585e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(41,7,'drop',3.00000000000000044408e-01,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(42,7,'free',2.77755364120730652288e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(43,7,'width',67.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(44,7,'batch',66.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(45,7,'layers',4.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(46,8,'model',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(47,8,'lr',1.10006713303876266056e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(48,8,'drop',0.9,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(49,8,'free',-2.56974769343985443015e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(50,8,'width',16.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(51,8,'batch',90.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(52,8,'depth',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 11}}');
INSERT INTO "trial_params" VALUES(53,9,'model',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(54,9,'lr',1.95197654663043017146e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(55,9,'drop',0.4,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(56,9,'free',9.70273595391609067206e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(57,9,'width',167.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(58,9,'batch',10.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(59,9,'layers',1.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(60,10,'model',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(61,10,'lr',4.2730986059868347358e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(62,10,'drop',0.8,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(63,10,'free',-3.39493496080987444685e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(64,10,'width',20.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(65,10,'batch',58.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(66,11,'model',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(67,11,'lr',6.40046210080815088094e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(68,11,'drop',7.00000000000000066613e-01,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(69,11,'free',9.48698957771287876283e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(70,11,'width',47.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(71,11,'batch',10.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(72,12,'model',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(73,12,'lr',1.78929566575380706583e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(74,12,'drop',0.2,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(75,12,'free',-8.7319803605326273832e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(76,12,'width',32.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(77,12,'batch',18.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(78,13,'model',3.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(79,13,'lr',4.55971145191217189229e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(80,13,'drop',0.0,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(81,13,'free',9.29993280540664546407e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(82,13,'width',84.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(83,13,'batch',34.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(84,14,'model',2.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(85,14,'lr',4.06521148572494463863e-03,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(86,14,'drop',0.2,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(87,14,'free',-9.37739873163187853677e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(88,14,'width',78.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(89,14,'batch',42.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(90,15,'model',5.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(91,15,'lr',1.43232132597296436121e-02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(92,15,'drop',0.4,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(93,15,'free',-5.77717998211524363938e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(94,15,'width',93.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(95,15,'batch',74.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(96,16,'model',1.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["tree", "net", null, 3, 2.5, true]}}');
INSERT INTO "trial_params" VALUES(97,16,'lr',2.89289103581681183822e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.1, "log": true}}');
INSERT INTO "trial_params" VALUES(98,16,'drop',0.4,'{"name": "FloatDistribution", "attributes": {"step": 0.1, "low": 0.0, "high": 0.9, "log": false}}');
INSERT INTO "trial_params" VALUES(99,16,'free',0.0841808181540169,'{"name": "FloatDistribution", "attributes": {"step": null, "low": -1.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(100,16,'width',34.0,'{"name": "IntDistribution", "attributes": {"log": true, "step": 1, "low": 16, "high": 300}}');
INSERT INTO "trial_params" VALUES(101,16,'batch',18.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 8, "low": 10, "high": 98}}');
INSERT INTO "trial_params" VALUES(102,16,'layers',2.0,'{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 1, "high": 4}}');
INSERT INTO "trial_params" VALUES(103,18,'lr',0.02,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 1.0, "log": true}}');
INSERT INTO "trial_params" VALUES(104,18,'extra',0.0,'{"name": "CategoricalDistribution", "attributes": {"choices": ["a,b", "c"]}}');
INSERT INTO "trial_params" VALUES(105,19,'x',0.417022004702574,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(106,20,'x',7.20324493442158098055e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(107,21,'x',1.1437481734488663676e-04,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
INSERT INTO "trial_params" VALUES(108,22,'x',3.02332572631839768817e-01,'{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}');
CREATE TABLE trial_system_attributes (
	trial_system_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_system_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_system_attributes" VALUES(1,17,'fixed_params','{"lr": 0.01}');
INSERT INTO "trial_system_attributes" VALUES(2,19,'NSGAIISampler:generation','0');
INSERT INTO "trial_system_attributes" VALUES(3,19,'constraints','[-0.082977995297426, -1.0]');
INSERT INTO "trial_system_attributes" VALUES(4,20,'NSGAIISampler:generation','0');
INSERT INTO "trial_system_attributes" VALUES(5,20,'constraints','[0.2203244934421581, -1.0]');
INSERT INTO "trial_system_attributes" VALUES(6,21,'NSGAIISampler:generation','0');
INSERT INTO "trial_system_attributes" VALUES(7,21,'constraints','[-0.4998856251826551, -1.0]');
INSERT INTO "trial_system_attributes" VALUES(8,22,'NSGAIISampler:generation','0');
INSERT INTO "trial_system_attributes" VALUES(9,22,'constraints','[-0.19766742736816023, -1.0]');
CREATE TABLE trial_user_attributes (
	trial_user_attribute_id INTEGER NOT NULL, 
	trial_id INTEGER, 
	"key" VARCHAR(512), 
	value_json TEXT, 
	PRIMARY KEY (trial_user_attribute_id), 
	UNIQUE (trial_id, "key"), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_user_attributes" VALUES(1,1,'seconds','0.0');
INSERT INTO "trial_user_attributes" VALUES(2,1,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(3,2,'seconds','1.5');
INSERT INTO "trial_user_attributes" VALUES(4,2,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(5,3,'seconds','3.0');
INSERT INTO "trial_user_attributes" VALUES(6,3,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(7,4,'seconds','4.5');
INSERT INTO "trial_user_attributes" VALUES(8,4,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(9,5,'seconds','6.0');
INSERT INTO "trial_user_attributes" VALUES(10,5,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(11,6,'seconds','7.5');
INSERT INTO "trial_user_attributes" VALUES(12,6,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(13,7,'seconds','9.0');
INSERT INTO "trial_user_attributes" VALUES(14,7,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(15,8,'seconds','10.5');
INSERT INTO "trial_user_attributes" VALUES(16,8,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(17,9,'seconds','12.0');
INSERT INTO "trial_user_attributes" VALUES(18,9,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(19,10,'seconds','13.5');
INSERT INTO "trial_user_attributes" VALUES(20,10,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(21,11,'seconds','15.0');
INSERT INTO "trial_user_attributes" VALUES(22,11,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(23,12,'seconds','16.5');
INSERT INTO "trial_user_attributes" VALUES(24,12,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(25,13,'seconds','18.0');
INSERT INTO "trial_user_attributes" VALUES(26,13,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(27,14,'seconds','19.5');
INSERT INTO "trial_user_attributes" VALUES(28,14,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(29,15,'seconds','21.0');
INSERT INTO "trial_user_attributes" VALUES(30,15,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(31,16,'seconds','22.5');
INSERT INTO "trial_user_attributes" VALUES(32,16,'words','{"not": "a number"}');
INSERT INTO "trial_user_attributes" VALUES(33,19,'latency_ms','4.17022004702574');
INSERT INTO "trial_user_attributes" VALUES(34,20,'latency_ms','7.203244934421581');
INSERT INTO "trial_user_attributes" VALUES(35,21,'latency_ms','0.0011437481734488664');
INSERT INTO "trial_user_attributes" VALUES(36,22,'latency_ms','3.0233257263183977');
CREATE TABLE trial_values (
	trial_value_id INTEGER NOT NULL, 
	trial_id INTEGER NOT NULL, 
	objective INTEGER NOT NULL, 
	value FLOAT, 
	value_type VARCHAR(7) NOT NULL, 
	PRIMARY KEY (trial_value_id), 
	UNIQUE (trial_id, objective), 
	FOREIGN KEY(trial_id) REFERENCES trials (trial_id)
);
INSERT INTO "trial_values" VALUES(1,1,0,0.0,'FINITE');
INSERT INTO "trial_values" VALUES(2,2,0,1.2,'FINITE');
INSERT INTO "trial_values" VALUES(3,3,0,0.5,'FINITE');
INSERT INTO "trial_values" VALUES(4,5,0,4.1,'FINITE');
INSERT INTO "trial_values" VALUES(5,7,0,1.5,'FINITE');
INSERT INTO "trial_values" VALUES(6,8,0,1.75,'FINITE');
INSERT INTO "trial_values" VALUES(7,9,0,NULL,'INF_POS');
INSERT INTO "trial_values" VALUES(8,10,0,9.1,'FINITE');
INSERT INTO "trial_values" VALUES(9,12,0,2.75,'FINITE');
INSERT INTO "trial_values" VALUES(10,13,0,3.0,'FINITE');
INSERT INTO "trial_values" VALUES(11,14,0,3.25,'FINITE');
INSERT INTO "trial_values" VALUES(12,15,0,14.1,'FINITE');
INSERT INTO "trial_values" VALUES(13,16,0,3.75,'FINITE');
INSERT INTO "trial_values" VALUES(14,18,0,7.0,'FINITE');
INSERT INTO "trial_values" VALUES(15,19,0,0.417022004702574,'FINITE');
INSERT INTO "trial_values" VALUES(16,19,1,0.582977995297426,'FINITE');
INSERT INTO "trial_values" VALUES(17,20,0,7.20324493442158098055e-01,'FINITE');
INSERT INTO "trial_values" VALUES(18,20,1,2.79675506557841901944e-01,'FINITE');
INSERT INTO "trial_values" VALUES(19,21,0,1.1437481734488663676e-04,'FINITE');
INSERT INTO "trial_values" VALUES(20,21,1,9.99885625182655113363e-01,'FINITE');
INSERT INTO "trial_values" VALUES(21,22,0,3.02332572631839768817e-01,'FINITE');
INSERT INTO "trial_values" VALUES(22,22,1,6.97667427368160231182e-01,'FINITE');
CREATE TABLE trials (
	trial_id INTEGER NOT NULL, 
	number INTEGER, 
	study_id INTEGER, 
	state VARCHAR(8) NOT NULL, 
	datetime_start DATETIME, 
	datetime_complete DATETIME, 
	PRIMARY KEY (trial_id), 
	FOREIGN KEY(study_id) REFERENCES studies (study_id)
);
INSERT INTO "trials" VALUES(1,0,1,'COMPLETE','2026-11-29 09:11:57.722281','2026-11-29 09:11:57.921375');
INSERT INTO "trials" VALUES(2,1,1,'PRUNED','2026-11-29 09:11:57.933593','2026-11-29 09:11:57.965109');
INSERT INTO "trials" VALUES(3,2,1,'COMPLETE','2026-11-29 09:11:57.972268','2026-11-29 09:11:58.002422');
INSERT INTO "trials" VALUES(4,3,1,'FAIL','2026-11-29 09:11:58.008149','2026-11-29 09:11:58.034205');
INSERT INTO "trials" VALUES(5,4,1,'PRUNED','2026-11-29 09:11:58.039910','2026-11-29 09:11:58.070522');
INSERT INTO "trials" VALUES(6,5,1,'FAIL','2026-11-29 09:11:58.076466','2026-11-29 09:11:58.109730');
INSERT INTO "trials" VALUES(7,6,1,'COMPLETE','2026-11-29 09:11:58.115618','2026-11-29 09:11:58.150743');
INSERT INTO "trials" VALUES(8,7,1,'COMPLETE','2026-11-29 09:11:58.156346','2026-11-29 09:11:58.184805');
INSERT INTO "trials" VALUES(9,8,1,'COMPLETE','2026-11-29 09:11:58.190064','2026-11-29 09:11:58.219076');
INSERT INTO "trials" VALUES(10,9,1,'PRUNED','2026-11-29 09:11:58.224657','2026-11-29 09:11:58.248943');
INSERT INTO "trials" VALUES(11,10,1,'FAIL','2026-11-29 09:11:58.253871','2026-11-29 09:11:58.275035');
INSERT INTO "trials" VALUES(12,11,1,'COMPLETE','2026-11-29 09:11:58.280021','2026-11-29 09:11:58.307779');
INSERT INTO "trials" VALUES(13,12,1,'COMPLETE','2026-11-29 09:11:58.312850','2026-11-29 09:11:58.340738');
INSERT INTO "trials" VALUES(14,13,1,'COMPLETE','2026-11-29 09:11:58.345997','2026-11-29 09:11:58.373205');
INSERT INTO "trials" VALUES(15,14,1,'PRUNED','2026-11-29 09:11:58.378330','2026-11-29 09:11:58.404094');
INSERT INTO "trials" VALUES(16,15,1,'COMPLETE','2026-11-29 09:11:58.409760','2026-11-29 09:11:58.439096');
INSERT INTO "trials" VALUES(17,16,1,'RUNNING','2026-11-29 09:11:58.456168',NULL);
INSERT INTO "trials" VALUES(18,17,1,'COMPLETE','2026-11-29 09:11:58.446025','2026-11-29 09:11:58.446025');
INSERT INTO "trials" VALUES(19,0,2,'COMPLETE','2026-11-29 09:11:58.468266','2026-11-29 09:11:58.490223');
INSERT INTO "trials" VALUES(20,1,2,'COMPLETE','2026-11-29 09:11:58.495280','2026-11-29 09:11:58.515662');
INSERT INTO "trials" VALUES(21,2,2,'COMPLETE','2026-11-29 09:11:58.520575','2026-11-29 09:11:58.541165');
INSERT INTO "trials" VALUES(22,3,2,'COMPLETE','2026-11-29 09:11:58.546076','2026-11-29 09:11:58.568096');
CREATE TABLE version_info (
	version_info_id INTEGER NOT NULL, 
	schema_version INTEGER, 
	library_version VARCHAR(256), 
	PRIMARY KEY (version_info_id), 
	CHECK (version_info_id=1)
);
INSERT INTO "version_info" VALUES(1,12,'5.0.0');
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE INDEX ix_trials_study_id ON trials (study_id);
COMMIT;
